using System.Collections.ObjectModel;

namespace GgufQuant.Commands;

/// <summary>A list that reads as text where there is room for text alone, such as a cell of a CSV file.</summary>
public sealed class ValueList<T> : ReadOnlyCollection<T>
{
    private readonly string _separator;

    internal ValueList(IEnumerable<T> items, string separator = ", ")
        : base([.. items]) => _separator = separator;

    /// <summary>The items, separated.</summary>
    public override string ToString() => string.Join(_separator, this);
}
