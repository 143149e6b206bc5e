using System.Runtime.CompilerServices;

namespace GgufQuant.Simd;

/// <summary>Bytes, four per lane: shifts carry bits over from a neighbour, which a mask must then clear.</summary>
internal static class ByteLanes<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    /// <summary>Number of bytes.</summary>
    public static int Count => sizeof(int) * TF.Count;

    /// <summary>The same byte everywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TI Broadcast(byte value) => TI.Broadcast(value * 0x01010101);

    /// <summary>Loads bytes starting at an offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TI Load(ref readonly byte source, int offset) =>
        TI.Load(in Unsafe.As<byte, int>(ref Unsafe.Add(ref Unsafe.AsRef(in source), offset)));

    /// <summary>Stores bytes starting at an offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TI bytes, ref byte destination, int offset) =>
        bytes.Store(ref Unsafe.As<byte, int>(ref Unsafe.Add(ref destination, offset)));
}
