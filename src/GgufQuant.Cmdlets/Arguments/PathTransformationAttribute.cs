using System.Collections;
using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Accepts paths: text, and objects whose text is their path, such as files and the objects of the module's cmdlets.</summary>
public sealed class PathTransformationAttribute : TextTransformationAttribute
{
    private const string DeserializedPrefix = "Deserialized.";

    /// <inheritdoc/>
    protected override bool IsText(object item, object value) => value switch
    {
        IDictionary or ValueType => false,
        // Objects from a job keep the text they had there.
        PSCustomObject => PSObject.AsPSObject(item).TypeNames[0].StartsWith(DeserializedPrefix, StringComparison.Ordinal),
        _ => true,
    };

    /// <inheritdoc/>
    protected override string Explain(object item, object value) => value is ValueType
        ? $"'{item}' is not a path. Write the name of the parameter that it belongs to in front of it."
        : $"An object of type '{value.GetType().Name}' is not a path, and has no property Path, LiteralPath or FullName.";
}
