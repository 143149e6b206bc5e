using System.Collections;
using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Accepts text, and objects that stand for it. The binder would convert any object to text, and use that as a name.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public abstract class TextTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public sealed override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (Unwrap(inputData) is IList several)
        {
            foreach (object? item in several)
                Check(item);
        }
        else
        {
            Check(inputData);
        }
        // Not converted yet: for an object from the pipeline, its properties take precedence over its text.
        return inputData;
    }

    /// <summary>Whether an object stands for its text.</summary>
    /// <param name="item">The object as given.</param>
    /// <param name="value">The same without PowerShell's wrapper.</param>
    protected abstract bool IsText(object item, object value);

    /// <summary>A sentence about an object that does not.</summary>
    protected abstract string Explain(object item, object value);

    private void Check(object? item)
    {
        if (Unwrap(item) is not object value || value is string || IsText(item!, value))
            return;
        string problem = Explain(item!, value);
        // The inner exception makes the binder try the properties of an object from the pipeline.
        throw new ArgumentTransformationMetadataException(problem, new PSInvalidCastException(problem));
    }

    private static object? Unwrap(object? item) => item is PSObject wrapped ? wrapped.BaseObject : item;
}
