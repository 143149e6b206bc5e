using GgufQuant.Formats;

namespace GgufQuant.Benchmarks;

/// <summary>Why results close to their bar may miss it, and what was tried.</summary>
internal static class HeldBack
{
    /// <summary>Why files may be made less fast than others.</summary>
    public const string Files =
        "The kernels keep the cores busy for nine tenths of the time, so a file is as fast as its kernels: Q3_K_M and "
        + "Q2_K are in good part Q4_K, Q6_K and Q2_K, close to the bounds above, and IQ3_M is IQ3_S and IQ3_XXS.";

    /// <summary>Why files may take longer than a copy.</summary>
    public const string Copies =
        "A copy never leaves the kernel; ours reads, checks every weight and writes. A file takes one writer at "
        + "a time. Tried: threads that leave their writes to the one that is writing, instead of taking "
        + "turns (kept: a quarter less time for an unchanged file), copying within the kernel (no gain, as the bytes move by less than a "
        + "page), smaller chunks, and longer and shorter queues of writes (no gain), cache-line-aligned tiles (kept), no more threads than "
        + "cores as long as reads come from memory (kept: an eighth less processor time for an unchanged file), and reads into new memory "
        + "not counted for that, since on some virtual machines the first access to a page takes longer than reading it (kept: a fifth "
        + "less time for an unchanged file).";

    /// <summary>Why the first conversion of a session may take longer than others.</summary>
    public const string FirstConversions =
        "The runtime compiles the code when it first runs. Tried: "
        + "kernels optimized from their first call instead of later once more (kept), tables of near grid points built from whole numbers (kept: "
        + "a quarter of the time) and with vectors (kept), kernels compiled on another thread while the model is opened and planned, and "
        + "with them what reads the source (kept), what they call for each block optimized from its first call as well (kept), tables for "
        + "graphics cards not made where none is looked for (kept), ReadyToRun images (kept in the checkout's build: a third less; each is "
        + "for one system and architecture, so the package has none), with the framework's generic code for our types in them (kept: a tenth less), "
        + "tables filled by loops, and formats that know their names and sizes without a method for each (kept: half as many methods to compile).";

    /// <summary>Why a kernel may miss its bar; null for other kernels.</summary>
    public static string? Explain(KernelOperation operation) => (operation.Format.Type, operation.Work) switch
    {
        (GgmlType.Q3_K, KernelWork.Quantize) =>
            "ggml improves one weight after the other, in the fifth of the sub-blocks that can change, each time with a division whose "
            + "operands depend on the last one. Tried: quotients computed only if a level can change (kept), sub-blocks that cannot "
            + "change set aside without a branch (kept), each lane going to its own next weight (kept: a sixth more), levels packed only "
            + "after those of all blocks are known (no gain).",
        (GgmlType.Q3_K or GgmlType.Q6_K or GgmlType.Q4_0 or GgmlType.Q5_0, _) =>
            "Every scale that ggml tries is tried, and sums are added in its order: the bound is that arithmetic alone. What comes on "
            + "top is turning sub-blocks into lanes, the greatest weight, choosing among the tries, dividing by the scales as stored, and "
            + "packing. Tried: lower bounds left out where no level reaches them (kept), choosing without branches (kept), quotients from "
            + "reciprocals with two exact corrections (no gain, since the divisions overlap with the rest). Without AVX-512 there are half as "
            + "many registers, one too few for three scales at a time with both bounds. Tried: adding up one scale after the other, and "
            + "no lower bound in a register where it is not needed (kept: a tenth more), the bounds two scales at a time (no gain), no sum "
            + "that lives across calls, which would keep it in memory (kept: a tenth more for Q4_0 and Q5_0), and eight rows turned into "
            + "lanes at once (kept).",
        (GgmlType.Q2_K or GgmlType.Q4_K or GgmlType.Q5_K or GgmlType.Q4_1 or GgmlType.Q5_1, _) =>
            "Every scale that ggml tries is tried, and sums are added in its order: the bound is that arithmetic alone. A try starts from "
            + "the minimum of the best one before, so that each waits for two divisions and for a sum of errors, one addition after the "
            + "other. Tried: two searches in turns (kept: a tenth more), both in one loop (slower: too many registers).",
        (GgmlType.IQ2_XXS or GgmlType.IQ2_S or GgmlType.IQ3_XXS or GgmlType.IQ3_S, not KernelWork.Dequantize) =>
            "Each time one of its weights rounds to a different level, a group has to pick its point again, two to four times over all "
            + "scales, from 5 to 14 candidates on average (counted). The bound is the arithmetic of rounding, picking and summing alone. "
            + "On top come sorting out what to pick, waiting for one step of a pick after the other, and the signs, factors and packing of "
            + "a block. Tried: dropping neighbours that can never be the nearest (kept: half of them), skipping repeated tries (kept), "
            + "rounding the last scales of four weights in one vector (kept), flipping signs without branches (kept), picking at the two "
            + "ends of a run of scales, with a lane for each candidate (kept), listing what differs between groups instead of branching on "
            + "it, sixteen groups at once (both together kept: a quarter to a third more), picking only where a code is off the grid, "
            + "choosing between equal tries without going through them, sums of four super-blocks and first fits of two vectors in turns, "
            + "and setting points that lie between two others apart without a branch (together kept: a tenth to a quarter more), a "
            + "candidate's index in the low bits of its cost, both ends of a run in one vector, or the choice of a point in a loop of its "
            + "own (no gain), runs sorted by their number of candidates, picks of two runs in turns, picking by lookups, or by a tree over "
            + "the candidates (slower).",
        (GgmlType.IQ1_S or GgmlType.IQ1_M, not KernelWork.Dequantize) =>
            "Every split of the sorted weights is compared with the score of one that is likely the best, 561 per 32 weights or 153 per "
            + "16, under two or four shifts each. Of the time, comparing and its tables take two fifths, choosing near points a quarter, "
            + "guessing, sorting and packing a tenth each (measured). Tried: a fused multiplication per split and shift instead "
            + "of a division (kept), a comparator network instead of counting ranks (kept), choosing among listed groups without a branch "
            + "for each (kept: a third of the choice), neighbours that can never be the nearest left out (kept: a tenth less time), shifts "
            + "looked up instead of branched on (kept: a tenth), guesses from two scales (no gain: fewer splits come near, but each guess "
            + "costs as much), lists of near points prefetched, or chosen from without positions if they fit a vector (no gain).",
        (GgmlType.BF16, KernelWork.Dequantize) =>
            "Widening a weight is one shift: the half megabyte is written as fast as it can be filled with a constant, 8 to 10 billion "
            + "floats per second on this machine, whatever the code. Tried: cache-line-aligned memory (kept).",
        _ => null,
    };
}
