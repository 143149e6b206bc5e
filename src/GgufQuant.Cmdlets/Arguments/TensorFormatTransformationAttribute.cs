using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>Accepts a tensor type by its name in any case.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class TensorFormatTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
        {
            string name => TryFind(name, out BlockFormat? format)
                ? format
                : throw new ArgumentTransformationMetadataException($"{Unknown(name)} Tab completes the supported ones."),
            GgmlType type => BlockFormat.Of(type),
            object other => other,
        };

    /// <summary>The tensor type with a name in any case.</summary>
    internal static bool TryFind(string name, [NotNullWhen(true)] out BlockFormat? format)
    {
        format = BlockFormat.All.FirstOrDefault(format => format.Name.Equals(name.Trim(), StringComparison.OrdinalIgnoreCase));
        return format is not null;
    }

    /// <summary>A sentence about a name that is not a tensor type.</summary>
    internal static string Unknown(string name) =>
        $"'{name.Trim()}' is not a tensor type.{Suggestion.For(name, BlockFormat.All.Where(format => format.CanQuantize).Select(format => format.Name))}";
}
