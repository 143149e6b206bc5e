using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Numbers by rank in the sub-blocks of IQ1_S or IQ1_M: one row per rank, one lane per sub-block.</summary>
[InlineArray(MaxRows * 16)]
internal struct IQ1Rows
{
    // The ranks before, between and after 32 weights.
    private const int MaxRows = 33;

    private float _first;

    /// <summary>Reads a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF Row<TF, TI>(int rank)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TF.Load(in Unsafe.Add(ref Unsafe.AsRef(in _first), rank * TF.Count));

    /// <summary>Writes a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SetRow<TF, TI>(int rank, TF row)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        row.Store(ref Unsafe.Add(ref _first, rank * TF.Count));

    /// <summary>A row and those after it.</summary>
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref readonly float RowsFrom<TF, TI>(int rank)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> => ref Unsafe.Add(ref Unsafe.AsRef(in _first), rank * TF.Count);

    /// <summary>All rows.</summary>
    [UnscopedRef]
    public Span<float> AsSpan() => this;

    /// <summary>All rows, as integers.</summary>
    [UnscopedRef]
    public Span<int> AsIntegers() => MemoryMarshal.Cast<float, int>((Span<float>)this);
}
