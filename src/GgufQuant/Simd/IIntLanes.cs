using System.Numerics;

namespace GgufQuant.Simd;

/// <summary>Several 32-bit integers side by side; also the masks that comparisons return.</summary>
/// <typeparam name="TSelf">The lane type itself.</typeparam>
/// <typeparam name="TFloats">The same number of floats.</typeparam>
internal interface IIntLanes<TSelf, TFloats> :
    IAdditionOperators<TSelf, TSelf, TSelf>,
    ISubtractionOperators<TSelf, TSelf, TSelf>,
    IMultiplyOperators<TSelf, TSelf, TSelf>,
    IBitwiseOperators<TSelf, TSelf, TSelf>,
    IShiftOperators<TSelf, int, TSelf>
    where TSelf : struct, IIntLanes<TSelf, TFloats>
    where TFloats : struct, IFloatLanes<TFloats, TSelf>
{
    /// <summary>The same value in every lane.</summary>
    static abstract TSelf Broadcast(int value);

    /// <summary>Loads as many integers as there are lanes.</summary>
    static abstract TSelf Load(ref readonly int source);

    /// <summary>Stores as many integers as there are lanes.</summary>
    void Store(ref int destination);

    /// <summary>Stores as many of the first lanes, and leaves the rest as it is; more than there are lanes count as all.</summary>
    unsafe void StoreFirst(int count, int* destination);

    /// <summary>The greater of each pair.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The lesser of each pair.</summary>
    static abstract TSelf Min(TSelf a, TSelf b);

    /// <summary>All bits set in the lanes where <paramref name="a"/> is greater.</summary>
    static abstract TSelf GreaterThan(TSelf a, TSelf b);

    /// <summary>All bits set in the lanes that are equal.</summary>
    static abstract TSelf Equal(TSelf a, TSelf b);

    /// <summary>A bit for each lane that is equal, the first lane lowest.</summary>
    static abstract uint EqualBits(TSelf a, TSelf b);

    /// <summary>Takes <paramref name="whenSet"/> where the mask's bits are set, else <paramref name="otherwise"/>.</summary>
    static abstract TSelf Select(TSelf mask, TSelf whenSet, TSelf otherwise);

    /// <summary>Takes <paramref name="whenGreater"/> where <paramref name="a"/> is greater, else <paramref name="otherwise"/>.</summary>
    static abstract TFloats SelectGreater(TSelf a, TSelf b, TFloats whenGreater, TFloats otherwise);

    /// <summary>Whether any lane of a mask is set.</summary>
    static abstract bool Any(TSelf mask);

    /// <summary>Each integer as a float.</summary>
    static abstract TFloats ToFloat(TSelf value);

    /// <summary>A mask's lanes as bits, the first lane lowest.</summary>
    static abstract uint MaskBits(TSelf mask);

    /// <summary>Loads one unsigned byte per lane.</summary>
    static abstract TSelf LoadBytes(ref readonly byte source);

    /// <summary>Loads one signed byte per lane.</summary>
    static abstract TSelf LoadSBytes(ref readonly sbyte source);

    /// <summary>Stores the low byte of each lane.</summary>
    void StoreBytes(ref byte destination);

    /// <summary>Loads one unsigned 16-bit integer per lane.</summary>
    static abstract TSelf LoadUInt16(ref readonly ushort source);

    /// <summary>Stores the low 16 bits of each lane.</summary>
    void StoreUInt16(ref ushort destination);
}
