using System.Numerics;

namespace GgufQuant.Gguf;

/// <summary>The rule for where tensor data may start.</summary>
internal static class GgufAlignment
{
    public const int Default = 32;

    // ggml sets no upper bound; this one keeps sums of sizes far from overflow.
    public const int Max = 1 << 30;

    public static bool IsValid(uint alignment) => alignment <= Max && BitOperations.IsPow2(alignment);

    public static long Align(long position, int alignment) => checked(position + alignment - 1) & -(long)alignment;
}
