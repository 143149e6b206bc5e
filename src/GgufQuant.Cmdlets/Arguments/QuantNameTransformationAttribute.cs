using GgufQuant.Catalog;

namespace GgufQuant.Commands;

/// <summary>Accepts names of types: text, types, and files by name. The text of any other object would be searched for a name.</summary>
public sealed class QuantNameTransformationAttribute : TextTransformationAttribute
{
    /// <inheritdoc/>
    protected override bool IsText(object item, object value) => value is Enum or QuantType or FileSystemInfo;

    /// <inheritdoc/>
    protected override string Explain(object item, object value) => $"An object of type '{value.GetType().Name}' is not the name of a type.";
}
