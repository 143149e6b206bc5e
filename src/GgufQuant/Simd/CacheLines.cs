using System.Runtime.InteropServices;

namespace GgufQuant.Simd;

/// <summary>Memory aligned to a cache line, so that none of the widest vectors straddles two.</summary>
internal static class CacheLines
{
    private const int Bytes = 64;

    /// <summary>Allocates floats, uninitialized and pinned.</summary>
    public static Memory<float> Allocate(int length)
    {
        const int Spare = (Bytes / sizeof(float)) - 1;
        float[] storage = GC.AllocateUninitializedArray<float>(length + Spare, pinned: true);
        nint past = Marshal.UnsafeAddrOfPinnedArrayElement(storage, 0) % Bytes;
        return storage.AsMemory((int)(past == 0 ? 0 : Bytes - past) / sizeof(float), length);
    }
}
