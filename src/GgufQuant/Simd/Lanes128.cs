using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Floats = System.Runtime.Intrinsics.Vector128<float>;
using Ints = System.Runtime.Intrinsics.Vector128<int>;

namespace GgufQuant.Simd;

/// <summary>Four floats in one 128-bit register.</summary>
internal readonly struct FloatLanes128(Floats value) : IFloatLanes<FloatLanes128, IntLanes128>
{
    private readonly Floats _value = value;

    public static int Count => Floats.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Broadcast(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Load(ref readonly float source) => new(Vector128.LoadUnsafe(in source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float destination) => _value.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 operator +(FloatLanes128 left, FloatLanes128 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 operator -(FloatLanes128 left, FloatLanes128 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 operator *(FloatLanes128 left, FloatLanes128 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 operator /(FloatLanes128 left, FloatLanes128 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 operator -(FloatLanes128 value) => new(-value._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Max(FloatLanes128 a, FloatLanes128 b) => new(Sse.IsSupported
            ? Sse.Max(a._value, b._value)
            : Vector128.ConditionalSelect(Vector128.GreaterThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Min(FloatLanes128 a, FloatLanes128 b) => new(Sse.IsSupported
            ? Sse.Min(a._value, b._value)
            : Vector128.ConditionalSelect(Vector128.LessThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Abs(FloatLanes128 value) => new(Vector128.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Sqrt(FloatLanes128 value) => new(Vector128.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 MultiplyAddEstimate(FloatLanes128 a, FloatLanes128 b, FloatLanes128 c) =>
        new(Vector128.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 GreaterThan(FloatLanes128 a, FloatLanes128 b) =>
        new(Vector128.GreaterThan(a._value, b._value).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint GreaterThanBits(FloatLanes128 a, FloatLanes128 b) =>
        Vector128.GreaterThan(a._value, b._value).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Equal(FloatLanes128 a, FloatLanes128 b) => new(Vector128.Equals(a._value, b._value).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Select(IntLanes128 mask, FloatLanes128 whenSet, FloatLanes128 otherwise) =>
        new(Vector128.ConditionalSelect(mask.Value.AsSingle(), whenSet._value, otherwise._value));

    // In one expression, or the compiler turns the comparison's mask into a vector and back.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 SelectGreater(FloatLanes128 a, FloatLanes128 b, IntLanes128 whenGreater, IntLanes128 otherwise) => new(
        Vector128.ConditionalSelect(Vector128.GreaterThan(a._value, b._value), whenGreater.Value.AsSingle(), otherwise.Value.AsSingle()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 NearestInt(FloatLanes128 value)
    {
        Ints bits = (value._value + Vector128.Create(12582912f)).AsInt32();
        return new((bits & Vector128.Create(0x007FFFFF)) - Vector128.Create(0x00400000));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Truncate(FloatLanes128 value) => new(X86Base.IsSupported
            ? Vector128.ConvertToInt32Native(value._value)
            : Vector128.ConditionalSelect(
                Vector128.GreaterThan(value._value, Vector128.Create(-2147483904f)).AsInt32()
                    & Vector128.LessThan(value._value, Vector128.Create(2147483648f)).AsInt32(),
                Vector128.ConvertToInt32Native(value._value),
                Vector128.Create(int.MinValue)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 ToBits(FloatLanes128 value) => new(value._value.AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 FromBits(IntLanes128 bits) => new(bits.Value.AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Lookup8(ref readonly float table, IntLanes128 index) => Select(
        IntLanes128.GreaterThan(index & IntLanes128.Broadcast(4), IntLanes128.Broadcast(0)),
        Lookup4(in Unsafe.Add(ref Unsafe.AsRef(in table), 4), index),
        Lookup4(in table, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Lookup16(ref readonly float table, IntLanes128 index) => Select(
        IntLanes128.GreaterThan(index & IntLanes128.Broadcast(8), IntLanes128.Broadcast(0)),
        Lookup8(in Unsafe.Add(ref Unsafe.AsRef(in table), 8), index),
        Lookup8(in table, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 MinToAll(FloatLanes128 value)
    {
        value = Min(value, new(Vector128.Shuffle(value._value, Vector128.Create(2, 3, 0, 1))));
        return Min(value, new(Vector128.Shuffle(value._value, Vector128.Create(1, 0, 3, 2))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(FloatLanes128 value)
    {
        FloatLanes128 pairs = Max(value, new(Vector128.Shuffle(value._value, Vector128.Create(2, 3, 0, 1))));
        return Max(pairs, new(Vector128.Shuffle(pairs._value, Vector128.Create(1, 0, 3, 2))))._value.ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MinAcross(FloatLanes128 value)
    {
        FloatLanes128 pairs = Min(value, new(Vector128.Shuffle(value._value, Vector128.Create(2, 3, 0, 1))));
        return Min(pairs, new(Vector128.Shuffle(pairs._value, Vector128.Create(1, 0, 3, 2))))._value.ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FloatLanes128 Lookup4(ref readonly float table, IntLanes128 index)
    {
        Floats floats = Vector128.LoadUnsafe(in table);
        return new(Avx.IsSupported
            ? Avx.PermuteVar(floats, index.Value)
            : Vector128.Shuffle(floats, index.Value & Vector128.Create(3)));
    }
}

/// <summary>Four integers in one 128-bit register.</summary>
internal readonly struct IntLanes128(Ints value) : IIntLanes<IntLanes128, FloatLanes128>
{
    /// <summary>The register.</summary>
    public Ints Value { get; } = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Broadcast(int value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Load(ref readonly int source) => new(Vector128.LoadUnsafe(in source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref int destination) => Value.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator +(IntLanes128 left, IntLanes128 right) => new(left.Value + right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator -(IntLanes128 left, IntLanes128 right) => new(left.Value - right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator *(IntLanes128 left, IntLanes128 right) => new(left.Value * right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator &(IntLanes128 left, IntLanes128 right) => new(left.Value & right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator |(IntLanes128 left, IntLanes128 right) => new(left.Value | right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator ^(IntLanes128 left, IntLanes128 right) => new(left.Value ^ right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator ~(IntLanes128 value) => new(~value.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator <<(IntLanes128 value, int shift) => new(value.Value << shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator >>(IntLanes128 value, int shift) => new(value.Value >> shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 operator >>>(IntLanes128 value, int shift) => new(value.Value >>> shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StoreFirst(int count, int* destination) => Vector128.ConditionalSelect(
        Vector128.GreaterThan(Vector128.Create(count), Vector128.Create(0, 1, 2, 3)), Value, Vector128.Load(destination))
        .Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Max(IntLanes128 a, IntLanes128 b) => new(Vector128.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Min(IntLanes128 a, IntLanes128 b) => new(Vector128.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 GreaterThan(IntLanes128 a, IntLanes128 b) => new(Vector128.GreaterThan(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Equal(IntLanes128 a, IntLanes128 b) => new(Vector128.Equals(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualBits(IntLanes128 a, IntLanes128 b) => Vector128.Equals(a.Value, b.Value).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Select(IntLanes128 mask, IntLanes128 whenSet, IntLanes128 otherwise) =>
        new(Vector128.ConditionalSelect(mask.Value, whenSet.Value, otherwise.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 SelectGreater(IntLanes128 a, IntLanes128 b, FloatLanes128 whenGreater, FloatLanes128 otherwise) => FloatLanes128.FromBits(new(
        Vector128.ConditionalSelect(Vector128.GreaterThan(a.Value, b.Value), FloatLanes128.ToBits(whenGreater).Value, FloatLanes128.ToBits(otherwise).Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(IntLanes128 mask) => mask.Value != Ints.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 ToFloat(IntLanes128 value) => new(Vector128.ConvertToSingle(value.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint MaskBits(IntLanes128 mask) => mask.Value.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 LoadBytes(ref readonly byte source)
    {
        Vector128<byte> bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(in source)).AsByte();
        return new(Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 LoadSBytes(ref readonly sbyte source)
    {
        Vector128<sbyte> bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<uint>(in Unsafe.As<sbyte, byte>(ref Unsafe.AsRef(in source)))).AsSByte();
        return new(Vector128.WidenLower(Vector128.WidenLower(bytes)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(ref byte destination)
    {
        Vector128<ushort> words = Vector128.Narrow(Value.AsUInt32(), Value.AsUInt32());
        Unsafe.WriteUnaligned(ref destination, Vector128.Narrow(words, words).AsUInt32().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 LoadUInt16(ref readonly ushort source)
    {
        ulong words = Unsafe.ReadUnaligned<ulong>(in Unsafe.As<ushort, byte>(ref Unsafe.AsRef(in source)));
        return new(Vector128.WidenLower(Vector128.CreateScalarUnsafe(words).AsUInt16()).AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreUInt16(ref ushort destination) => Unsafe.WriteUnaligned(
        ref Unsafe.As<ushort, byte>(ref destination),
        Vector128.Narrow(Value.AsUInt32(), Value.AsUInt32()).AsUInt64().ToScalar());
}
