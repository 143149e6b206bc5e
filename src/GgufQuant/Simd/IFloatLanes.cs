using System.Numerics;

namespace GgufQuant.Simd;

/// <summary>Several floats side by side, each following ggml's scalar arithmetic.</summary>
/// <remarks>
/// A kernel is written once, generic over the lanes, and reads like ggml's scalar code: one lane is one
/// sub-block (or one block), so no sum is ever reordered, whatever the width. No operation here fuses a
/// multiplication with an addition, because ggml's reference build does not either.
/// </remarks>
/// <typeparam name="TSelf">The lane type itself.</typeparam>
/// <typeparam name="TInts">The same number of 32-bit integers.</typeparam>
internal interface IFloatLanes<TSelf, TInts> :
    IAdditionOperators<TSelf, TSelf, TSelf>,
    ISubtractionOperators<TSelf, TSelf, TSelf>,
    IMultiplyOperators<TSelf, TSelf, TSelf>,
    IDivisionOperators<TSelf, TSelf, TSelf>,
    IUnaryNegationOperators<TSelf, TSelf>
    where TSelf : struct, IFloatLanes<TSelf, TInts>
    where TInts : struct, IIntLanes<TInts, TSelf>
{
    /// <summary>Number of lanes.</summary>
    static abstract int Count { get; }

    /// <summary>The same value in every lane.</summary>
    static abstract TSelf Broadcast(float value);

    /// <summary>Loads <see cref="Count"/> floats.</summary>
    static abstract TSelf Load(ref readonly float source);

    /// <summary>Stores <see cref="Count"/> floats.</summary>
    void Store(ref float destination);

    /// <summary><c>a &gt; b ? a : b</c>: the second operand if either is NaN.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary><c>a &lt; b ? a : b</c>: the second operand if either is NaN.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary><c>fabsf</c>.</summary>
    static abstract TSelf Abs(TSelf value);

    /// <summary><c>sqrtf</c>, correctly rounded.</summary>
    static abstract TSelf Sqrt(TSelf value);

    /// <summary><c>a · b + c</c>, rounded once or twice as suits the machine: only where either will do.</summary>
    static abstract TSelf MultiplyAddEstimate(TSelf a, TSelf b, TSelf c);

    /// <summary>All bits set in the lanes where <paramref name="a"/> is greater; never if either is NaN.</summary>
    static abstract TInts GreaterThan(TSelf a, TSelf b);

    /// <summary>A bit for each lane where <paramref name="a"/> is greater, the first lane lowest; never if either is NaN.</summary>
    static abstract uint GreaterThanBits(TSelf a, TSelf b);

    /// <summary>All bits set in the lanes that are equal; never if either is NaN.</summary>
    static abstract TInts Equal(TSelf a, TSelf b);

    /// <summary>Takes <paramref name="whenSet"/> where the mask's bits are set, else <paramref name="otherwise"/>.</summary>
    static abstract TSelf Select(TInts mask, TSelf whenSet, TSelf otherwise);

    /// <summary>Takes <paramref name="whenGreater"/> where <paramref name="a"/> is greater, else <paramref name="otherwise"/>.</summary>
    static abstract TInts SelectGreater(TSelf a, TSelf b, TInts whenGreater, TInts otherwise);

    /// <summary>ggml's <c>nearest_int</c>: rounds to nearest, ties to even, by adding 1.5·2²³ and reading the low bits.</summary>
    /// <remarks>Beyond ±2²² the result is whatever those bits hold, and NaN gives 0, as on the reference's x86.</remarks>
    static abstract TInts NearestInt(TSelf value);

    /// <summary>C's cast on x86 (<c>cvttss2si</c>): truncation; NaN and values out of range give <see cref="int.MinValue"/>.</summary>
    static abstract TInts Truncate(TSelf value);

    /// <summary>The bits of each float.</summary>
    static abstract TInts ToBits(TSelf value);

    /// <summary>The float of each lane's bits.</summary>
    static abstract TSelf FromBits(TInts bits);

    /// <summary>Takes <c>table[index &amp; 7]</c> in each lane.</summary>
    /// <param name="table">Eight floats, or as many as there are lanes, repeating after eight.</param>
    /// <param name="index">The indices; only the three lowest bits count.</param>
    static abstract TSelf Lookup8(ref readonly float table, TInts index);

    /// <summary>Takes <c>table[index &amp; 15]</c> in each lane.</summary>
    /// <param name="table">Sixteen floats.</param>
    /// <param name="index">The indices; only the four lowest bits count.</param>
    static abstract TSelf Lookup16(ref readonly float table, TInts index);

    /// <summary>The greatest lane; no lane is NaN.</summary>
    static abstract float MaxAcross(TSelf value);

    /// <summary>The least lane; no lane is NaN.</summary>
    static abstract float MinAcross(TSelf value);

    /// <summary>The least lane in every lane; no lane is NaN.</summary>
    static abstract TSelf MinToAll(TSelf value);
}
