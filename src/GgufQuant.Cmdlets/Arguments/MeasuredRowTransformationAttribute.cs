using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Takes a row of Compare-Quant -Corpus from a job or a file for the row that it was, before its Path makes it a path.</summary>
public sealed class MeasuredRowTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        LanguagePrimitives.TryConvertTo(inputData, out QuantQuality row) && row is not null ? row : inputData;
}
