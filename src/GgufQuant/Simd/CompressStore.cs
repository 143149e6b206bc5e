using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace GgufQuant.Simd;

/// <summary>Moves chosen lanes together, so that the remaining work fills whole vectors.</summary>
internal static class CompressStore<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    // For each mask of eight lanes, the chosen ones first, then the others.
    private static readonly int[] s_orders =
    [
        .. Enumerable.Range(0, 256).SelectMany(mask => Enumerable.Range(0, 8).OrderByDescending(lane => (mask >> lane) & 1)),
    ];

    // The same for each mask of four lanes, byte by byte.
    private static readonly byte[] s_byteOrders =
    [
        .. from mask in Enumerable.Range(0, 16)
           from lane in Enumerable.Range(0, 4).OrderByDescending(lane => (mask >> lane) & 1)
           from part in Enumerable.Range(0, sizeof(float))
           select (byte)((lane * sizeof(float)) + part),
    ];

    /// <summary>Stores chosen lanes one after the other.</summary>
    /// <param name="lanes">The lanes.</param>
    /// <param name="chosen">A mask.</param>
    /// <param name="destination">Room for all lanes; the contents after the chosen ones are undefined.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TF lanes, TI chosen, ref float destination)
    {
        if (Avx512F.IsSupported && TF.Count == Vector512<float>.Count)
        {
            Vector512<float> mask = Unsafe.BitCast<TI, Vector512<float>>(chosen);
            Vector512<float> values = Unsafe.BitCast<TF, Vector512<float>>(lanes);
            Avx512F.Compress(Vector512<float>.Zero, mask, values).StoreUnsafe(ref destination);
        }
        else if (Avx2.IsSupported && TF.Count == Vector256<float>.Count)
        {
            Vector256<int> order = Vector256.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(s_orders), 8 * TI.MaskBits(chosen));
            Avx2.PermuteVar8x32(Unsafe.BitCast<TF, Vector256<float>>(lanes), order).StoreUnsafe(ref destination);
        }
        else if (TF.Count == Vector128<float>.Count)
        {
            Vector128<byte> order = Vector128.LoadUnsafe(ref MemoryMarshal.GetArrayDataReference(s_byteOrders), (nuint)Vector128<byte>.Count * TI.MaskBits(chosen));
            Vector128.Shuffle(Unsafe.BitCast<TF, Vector128<byte>>(lanes), order).AsSingle().StoreUnsafe(ref destination);
        }
        else
        {
            StoreEach(lanes, TI.MaskBits(chosen), ref destination);
        }
    }

    private static void StoreEach(TF lanes, uint chosen, ref float destination)
    {
        Span<float> all = stackalloc float[TF.Count];
        lanes.Store(ref all[0]);
        for (; chosen != 0; chosen &= chosen - 1)
        {
            destination = all[BitOperations.TrailingZeroCount(chosen)];
            destination = ref Unsafe.Add(ref destination, 1);
        }
    }
}
