using System.Management.Automation;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>Accepts tensor types by name in any case, or by wildcards: <c>q?_K</c>.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class TensorFormatsTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        return (value as object[] ?? [value]).SelectMany(Formats).Distinct().ToArray();
    }

    private static IEnumerable<BlockFormat> Formats(object item)
    {
        object value = item is PSObject wrapped ? wrapped.BaseObject : item;
        if (value is BlockFormat format)
            return [format];
        WildcardPattern pattern = new($"{value}".Trim(), WildcardOptions.IgnoreCase);
        BlockFormat[] found = [.. BlockFormat.All.Where(known => known.CanQuantize && pattern.IsMatch(known.Name))];
        return found.Length > 0
            ? found
            : throw new ArgumentTransformationMetadataException($"{TensorFormatTransformationAttribute.Unknown($"{value}")} Tab completes the supported ones.");
    }
}
