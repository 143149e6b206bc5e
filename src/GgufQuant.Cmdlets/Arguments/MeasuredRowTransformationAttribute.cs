using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Restores a row of Compare-Quant -Corpus that comes from a job or a file, before its Path binds it as a path.</summary>
public sealed class MeasuredRowTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        LanguagePrimitives.TryConvertTo(inputData, out QuantQuality row) && row is not null ? row : inputData;
}
