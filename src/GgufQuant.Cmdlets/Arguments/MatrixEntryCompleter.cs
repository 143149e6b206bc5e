using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>Completes the names of the weight tensors that an importance matrix knows.</summary>
public sealed class MatrixEntryCompleter : FileCompleter
{
    /// <inheritdoc/>
    protected override IEnumerable<(string Name, string ToolTip)> Names(string path) =>
        ImatrixFile.Open(path).Entries.Select(entry => (entry.Name, $"{entry.Name}, {entry.Columns} columns"));
}
