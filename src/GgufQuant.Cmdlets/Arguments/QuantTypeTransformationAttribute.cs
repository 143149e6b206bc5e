using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>Accepts the names that llama-quantize accepts: any case, <c>Q4_K</c> for <c>Q4_K_M</c>; and the objects of Find-QuantType.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class QuantTypeTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        return value switch
        {
            string name => Find(name),
            FileType type => QuantCatalog.Of(type),
            QuantTypeInfo info => QuantCatalog.Of(info.FileType),
            QuantTypeFit fit => QuantCatalog.Of(fit.FileType),
            object[] several => several.Select(item => Transform(engineIntrinsics, item)).ToArray(),
            _ => value,
        };
    }

    private static QuantType Find(string name) =>
        QuantCatalog.TryFind(name, out QuantType? type)
            ? type
            : throw new ArgumentTransformationMetadataException(QuantNameErrors.UnknownName(name).Exception.Message);
}
