using System.Runtime.CompilerServices;
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

    /// <summary>Writes the number of one lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set<TF, TI>(int rank, int lane, float value)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        Unsafe.Add(ref _first, (rank * TF.Count) + lane) = value;

    /// <summary>Turns terms, the first in row 1, into the sums before each rank.</summary>
    /// <param name="terms">Number of terms.</param>
    /// <returns>The sum of all terms.</returns>
    public TF AddUp<TF, TI>(int terms)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF sum = TF.Broadcast(0);
        SetRow<TF, TI>(0, sum);
        for (int rank = 1; rank <= terms; rank++)
        {
            sum += Row<TF, TI>(rank);
            SetRow<TF, TI>(rank, sum);
        }
        return sum;
    }
}
