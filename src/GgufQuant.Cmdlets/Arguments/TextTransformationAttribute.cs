using System.Collections;
using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Takes text, and objects that stand for it. The binder would make text of any object, and a name of that text.</summary>
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
        // Not text yet: of an object from the pipeline, its properties come before the text that it has.
        return inputData;
    }

    /// <summary>Whether an object stands for its text.</summary>
    /// <param name="item">The object as it was given.</param>
    /// <param name="value">The same without PowerShell's wrapping.</param>
    protected abstract bool IsText(object item, object value);

    /// <summary>A sentence about an object that does not.</summary>
    protected abstract string Explain(object item, object value);

    private void Check(object? item)
    {
        if (Unwrap(item) is not object value || value is string || IsText(item!, value))
            return;
        string problem = Explain(item!, value);
        // The inner exception has the binder try the properties of an object from the pipeline.
        throw new ArgumentTransformationMetadataException(problem, new PSInvalidCastException(problem));
    }

    private static object? Unwrap(object? item) => item is PSObject wrapped ? wrapped.BaseObject : item;
}
