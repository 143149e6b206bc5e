using GgufQuant.Formats;

namespace GgufQuant.Benchmarks;

/// <summary>Why a kernel that is close to its bar may miss it, and what was tried.</summary>
internal static class HeldBack
{
    /// <summary>A few sentences; null for other kernels.</summary>
    public static string? Explain(KernelOperation operation) => (operation.Format.Type, operation.Work) switch
    {
        (GgmlType.Q3_K, KernelWork.Quantize) =>
            "ggml improves one weight after the other, each time with a division whose operands the last one gave. What holds back is "
            + "that chain in the fifth of the sub-blocks that it may change. Tried: quotients formed only where a level may change (kept), "
            + "sub-blocks that cannot change set aside without a branch (kept), the others moved together (kept).",
        _ => null,
    };
}
