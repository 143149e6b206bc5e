using GgufQuant.Formats;

namespace GgufQuant.Benchmarks;

/// <summary>Why results close to their bar may miss it, and what was tried.</summary>
internal static class HeldBack
{
    /// <summary>Why files may take longer than a copy.</summary>
    public const string Copies =
        "A copy never leaves the kernel; ours reads, checks every weight and writes. Of the processor time for Q8_0, two fifths "
        + "were the kernel's reads and writes, a fifth the runtime's start and JIT, the rest our kernels (sampled on two cores); "
        + "for an unchanged file, seven tenths, a fifth and a tenth. The limit is that a file takes one writer at a time. Tried: "
        + "one writer with the others asleep instead of spinning (kept), kernels compiled before their first run (kept: a quarter less "
        + "time for Q8_0), cache-line-aligned tiles (kept).";

    /// <summary>Why a kernel may miss its bar; null for other kernels.</summary>
    public static string? Explain(KernelOperation operation) => (operation.Format.Type, operation.Work) switch
    {
        (GgmlType.Q3_K, KernelWork.Quantize) =>
            "ggml improves one weight after the other, each time with a division whose operands depend on the last one. The limit is "
            + "that chain in the fifth of the sub-blocks that can change. Tried: quotients computed only if a level can change (kept), "
            + "sub-blocks that cannot change set aside without a branch (kept), the rest compacted (kept).",
        (GgmlType.BF16, KernelWork.Dequantize) =>
            "Widening a weight is one shift: the half megabyte is written as fast as it can be filled with a constant, 8 to 10 billion "
            + "floats per second on this machine, whatever the code. Tried: cache-line-aligned memory (kept).",
        _ => null,
    };
}
