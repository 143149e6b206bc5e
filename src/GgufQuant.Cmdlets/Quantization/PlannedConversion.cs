using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>A file that is to be written, or kept as it is, once all files of its model are planned.</summary>
/// <param name="plan">The plan of the whole model.</param>
/// <param name="destination">The full path of the file; its shards get that name with their numbers.</param>
/// <param name="selection">The shards asked for, and which of them exist.</param>
internal sealed class PlannedConversion(QuantizationPlan plan, string destination, ShardSelection selection)
{
    /// <summary>The plan of the whole model.</summary>
    internal QuantizationPlan Plan { get; } = plan;

    /// <summary>The full path of the file.</summary>
    internal string Destination { get; } = destination;

    /// <summary>The shards asked for, and which of them exist.</summary>
    internal ShardSelection Selection { get; } = selection;

    /// <summary>Whether all shards asked for exist and are kept.</summary>
    internal bool IsKept => Selection.Missing.Numbers.Count == 0;

    /// <summary>The plan of the shards asked for.</summary>
    internal QuantizationPlan Chosen => field ??= PlanOf(Selection.Chosen);

    /// <summary>The plan of the shards to write, if there are any.</summary>
    internal QuantizationPlan Missing => field ??= PlanOf(Selection.Missing);

    private QuantizationPlan PlanOf(ShardLayout shards) => Selection.IsAll(shards) ? Plan : Plan.ForShards(shards.Numbers);
}
