using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.Simd;

/// <summary>Memory aligned to a cache line, so that none of the widest vectors straddles two.</summary>
internal static class CacheLines
{
    /// <summary>Floats to add to a stack allocation that <see cref="Align"/> may then skip.</summary>
    public const int Spare = (Bytes / sizeof(float)) - 1;

    private const int Bytes = 64;

    /// <summary>Allocates floats, uninitialized and pinned.</summary>
    public static Memory<float> Allocate(int length)
    {
        float[] storage = GC.AllocateUninitializedArray<float>(length + Spare, pinned: true);
        nint past = Marshal.UnsafeAddrOfPinnedArrayElement(storage, 0) % Bytes;
        return storage.AsMemory((int)(past == 0 ? 0 : Bytes - past) / sizeof(float), length);
    }

    /// <summary>The first float of stack memory that starts a cache line.</summary>
    /// <param name="stack">Memory with <see cref="Spare"/> floats more than are needed.</param>
    public static unsafe ref float Align(Span<float> stack)
    {
        nint past = (nint)Unsafe.AsPointer(ref stack[0]) % Bytes;
        return ref stack[(int)(past == 0 ? 0 : Bytes - past) / sizeof(float)];
    }
}
