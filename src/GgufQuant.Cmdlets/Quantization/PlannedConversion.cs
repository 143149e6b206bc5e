using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>A file that is to be written, or kept as it is, once all files of its model are planned.</summary>
/// <param name="Plan">The plan of the whole model.</param>
/// <param name="Destination">The full path of the file; its shards get that name with their numbers.</param>
/// <param name="Selection">The shards asked for, and which of them exist.</param>
internal sealed record PlannedConversion(QuantizationPlan Plan, string Destination, ShardSelection Selection)
{
    /// <summary>Whether all shards asked for exist and are kept.</summary>
    internal bool IsKept => Selection.Missing.Numbers.Count == 0;

    /// <summary>The plan of the shards asked for.</summary>
    internal QuantizationPlan Chosen => PlanOf(Selection.Chosen);

    /// <summary>The plan of the shards to write.</summary>
    internal QuantizationPlan Missing => PlanOf(Selection.Missing);

    private QuantizationPlan PlanOf(ShardLayout shards) => Selection.IsAll(shards) ? Plan : Plan.ForShards(shards.Numbers);
}
