using GgufQuant.Formats;

namespace GgufQuant.Benchmarks;

/// <summary>Why what is close to its bar may miss it, and what was tried.</summary>
internal static class HeldBack
{
    /// <summary>A few sentences about files that take longer than a copy may.</summary>
    public const string Copies =
        "A copy never leaves the kernel; ours reads, checks every weight and writes. Of the processor's time in making Q8_0, two fifths "
        + "were the kernel's reading and writing, a fifth the runtime's start and compiling, the rest the kernels (sampled on two cores); "
        + "of an unchanged file seven tenths, a fifth and a tenth. What holds back is that a file takes one writer at a time. Tried: "
        + "one writer with the others asleep instead of spinning (kept), kernels compiled before they first run (kept: a quarter less "
        + "time in Q8_0), tiles on cache lines (kept).";

    /// <summary>A few sentences; null for other kernels.</summary>
    public static string? Explain(KernelOperation operation) => (operation.Format.Type, operation.Work) switch
    {
        (GgmlType.Q3_K, KernelWork.Quantize) =>
            "ggml improves one weight after the other, each time with a division whose operands the last one gave. What holds back is "
            + "that chain in the fifth of the sub-blocks that it may change. Tried: quotients formed only where a level may change (kept), "
            + "sub-blocks that cannot change set aside without a branch (kept), the others moved together (kept).",
        (GgmlType.BF16, KernelWork.Dequantize) =>
            "To widen a weight is one shift: the half megabyte is written as fast as it is filled with a constant, 8 to 10 thousand million "
            + "floats a second on the one machine, by whoever writes it. Tried: memory on cache lines (kept).",
        _ => null,
    };
}
