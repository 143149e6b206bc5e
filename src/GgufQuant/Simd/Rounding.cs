using System.Runtime.CompilerServices;

namespace GgufQuant.Simd;

/// <summary>Rounds a scaled weight to a level within a range: ggml's <c>nearest_int</c> and clamp.</summary>
internal interface IRounding
{
    /// <summary>An end of the range, in the form that <see cref="Level"/> takes; made once, outside of loops.</summary>
    static abstract TF Bound<TF, TI>(int level)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>The levels, as floats.</summary>
    static abstract TF Level<TF, TI>(TF value, TF least, TF greatest)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;

    /// <summary>The levels, as floats, of values that cannot be below the range.</summary>
    static abstract TF LevelAtMost<TF, TI>(TF value, TF greatest)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

/// <summary>For values within ±2²²: stays in floats, which saves four instructions of seven.</summary>
internal readonly struct BoundedRounding : IRounding
{
    private const float Magic = 12582912f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF Bound<TF, TI>(int level)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TF.Broadcast(Magic + level);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF Level<TF, TI>(TF value, TF least, TF greatest)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF magic = TF.Broadcast(Magic);
        return TF.Min(TF.Max(value + magic, least), greatest) - magic;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF LevelAtMost<TF, TI>(TF value, TF greatest)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF magic = TF.Broadcast(Magic);
        return TF.Min(value + magic, greatest) - magic;
    }
}

/// <summary>For any value: beyond ±2²² the integer wraps, as it does in ggml.</summary>
internal readonly struct WrappingRounding : IRounding
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF Bound<TF, TI>(int level)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TF.Broadcast(level);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF Level<TF, TI>(TF value, TF least, TF greatest)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TF.Max(TF.Min(TI.ToFloat(TF.NearestInt(value)), greatest), least);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF LevelAtMost<TF, TI>(TF value, TF greatest)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TF.Min(TI.ToFloat(TF.NearestInt(value)), greatest);
}
