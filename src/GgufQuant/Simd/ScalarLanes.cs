using System.Runtime.CompilerServices;

namespace GgufQuant.Simd;

/// <summary>One lane: the scalar form of every kernel, used when there is no vector hardware.</summary>
internal readonly struct FloatLane(float value) : IFloatLanes<FloatLane, IntLane>
{
    private readonly float _value = value;

    /// <summary>The float.</summary>
    public float Value => _value;

    public static int Count => 1;

    public static FloatLane Broadcast(float value) => new(value);

    public static FloatLane Load(ref readonly float source) => new(source);

    public void Store(ref float destination) => destination = _value;

    public static FloatLane operator +(FloatLane left, FloatLane right) => new(left._value + right._value);

    public static FloatLane operator -(FloatLane left, FloatLane right) => new(left._value - right._value);

    public static FloatLane operator *(FloatLane left, FloatLane right) => new(left._value * right._value);

    public static FloatLane operator /(FloatLane left, FloatLane right) => new(left._value / right._value);

    public static FloatLane operator -(FloatLane value) => new(-value._value);

    public static FloatLane Max(FloatLane a, FloatLane b) => a._value > b._value ? a : b;

    public static FloatLane Min(FloatLane a, FloatLane b) => a._value < b._value ? a : b;

    public static FloatLane Abs(FloatLane value) => new(MathF.Abs(value._value));

    public static FloatLane Sqrt(FloatLane value) => new(MathF.Sqrt(value._value));

    public static FloatLane MultiplyAddEstimate(FloatLane a, FloatLane b, FloatLane c) => new((a._value * b._value) + c._value);

    public static IntLane GreaterThan(FloatLane a, FloatLane b) => IntLane.Mask(a._value > b._value);

    public static uint GreaterThanBits(FloatLane a, FloatLane b) => a._value > b._value ? 1u : 0u;

    public static IntLane Equal(FloatLane a, FloatLane b) => IntLane.Mask(a._value == b._value);

    public static FloatLane Select(IntLane mask, FloatLane whenSet, FloatLane otherwise) =>
        mask.IsSet ? whenSet : otherwise;

    public static IntLane SelectGreater(FloatLane a, FloatLane b, IntLane whenGreater, IntLane otherwise) =>
        a._value > b._value ? whenGreater : otherwise;

    public static IntLane NearestInt(FloatLane value) => new(ScalarMath.NearestInt(value._value));

    public static IntLane Truncate(FloatLane value) => new(ScalarMath.Truncate(value._value));

    public static IntLane ToBits(FloatLane value) => new(BitConverter.SingleToInt32Bits(value._value));

    public static FloatLane FromBits(IntLane bits) => new(BitConverter.Int32BitsToSingle(bits.Value));

    public static FloatLane Lookup8(ref readonly float table, IntLane index) =>
        new(Unsafe.Add(ref Unsafe.AsRef(in table), index.Value & 7));

    public static FloatLane Lookup16(ref readonly float table, IntLane index) =>
        new(Unsafe.Add(ref Unsafe.AsRef(in table), index.Value & 15));

    public static FloatLane MinToAll(FloatLane value) => value;

    public static float MaxAcross(FloatLane value) => value._value;

    public static float MinAcross(FloatLane value) => value._value;
}

/// <summary>One 32-bit integer lane.</summary>
internal readonly struct IntLane(int value) : IIntLanes<IntLane, FloatLane>
{
    private readonly int _value = value;

    /// <summary>The integer.</summary>
    public int Value => _value;

    /// <summary>Whether this lane is set as a mask.</summary>
    public bool IsSet => _value != 0;

    /// <summary>All bits set, or none.</summary>
    public static IntLane Mask(bool set) => new(set ? -1 : 0);

    public static IntLane Broadcast(int value) => new(value);

    public static IntLane Load(ref readonly int source) => new(source);

    public void Store(ref int destination) => destination = _value;

    public static IntLane operator +(IntLane left, IntLane right) => new(left._value + right._value);

    public static IntLane operator -(IntLane left, IntLane right) => new(left._value - right._value);

    public static IntLane operator *(IntLane left, IntLane right) => new(left._value * right._value);

    public static IntLane operator &(IntLane left, IntLane right) => new(left._value & right._value);

    public static IntLane operator |(IntLane left, IntLane right) => new(left._value | right._value);

    public static IntLane operator ^(IntLane left, IntLane right) => new(left._value ^ right._value);

    public static IntLane operator ~(IntLane value) => new(~value._value);

    public static IntLane operator <<(IntLane value, int shift) => new(value._value << shift);

    public static IntLane operator >>(IntLane value, int shift) => new(value._value >> shift);

    public static IntLane operator >>>(IntLane value, int shift) => new(value._value >>> shift);

    public unsafe void StoreFirst(int count, int* destination) => *destination = count > 0 ? _value : *destination;

    public static IntLane Max(IntLane a, IntLane b) => new(Math.Max(a._value, b._value));

    public static IntLane Min(IntLane a, IntLane b) => new(Math.Min(a._value, b._value));

    public static IntLane GreaterThan(IntLane a, IntLane b) => Mask(a._value > b._value);

    public static IntLane Equal(IntLane a, IntLane b) => Mask(a._value == b._value);

    public static uint EqualBits(IntLane a, IntLane b) => a._value == b._value ? 1u : 0u;

    public static IntLane Select(IntLane mask, IntLane whenSet, IntLane otherwise) => mask.IsSet ? whenSet : otherwise;

    public static FloatLane SelectGreater(IntLane a, IntLane b, FloatLane whenGreater, FloatLane otherwise) =>
        a._value > b._value ? whenGreater : otherwise;

    public static bool Any(IntLane mask) => mask.IsSet;

    public static FloatLane ToFloat(IntLane value) => new(value._value);

    public static uint MaskBits(IntLane mask) => mask.IsSet ? 1u : 0u;

    public static IntLane LoadBytes(ref readonly byte source) => new(source);

    public static IntLane LoadSBytes(ref readonly sbyte source) => new(source);

    public void StoreBytes(ref byte destination) => destination = (byte)_value;

    public static IntLane LoadUInt16(ref readonly ushort source) => new(source);

    public void StoreUInt16(ref ushort destination) => destination = (ushort)_value;
}
