using System.Runtime.CompilerServices;

namespace GgufQuant.Simd;

/// <summary>Rounds a scaled weight to a level within a range: ggml's <c>nearest_int</c> and clamp.</summary>
internal interface IRounding
{
    /// <summary>The levels, as floats.</summary>
    static abstract TF Level<TF, TI>(TF value, int min, int max)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

/// <summary>For values within ±2²²: stays in floats, which saves four instructions of seven.</summary>
internal readonly struct BoundedRounding : IRounding
{
    private const float Magic = 12582912f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF Level<TF, TI>(TF value, int min, int max)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF magic = TF.Broadcast(Magic);
        return TF.Min(TF.Max(value + magic, TF.Broadcast(Magic + min)), TF.Broadcast(Magic + max)) - magic;
    }
}

/// <summary>For any value: beyond ±2²² the integer wraps, as it does in ggml.</summary>
internal readonly struct WrappingRounding : IRounding
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF Level<TF, TI>(TF value, int min, int max)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TI.ToFloat(TI.Max(TI.Broadcast(min), TI.Min(TI.Broadcast(max), TF.NearestInt(value))));
}
