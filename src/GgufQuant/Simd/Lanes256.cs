using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Floats = System.Runtime.Intrinsics.Vector256<float>;
using Ints = System.Runtime.Intrinsics.Vector256<int>;

namespace GgufQuant.Simd;

/// <summary>Eight floats in one 256-bit register.</summary>
internal readonly struct FloatLanes256(Floats value) : IFloatLanes<FloatLanes256, IntLanes256>
{
    private readonly Floats _value = value;

    public static int Count => Floats.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Load(ref readonly float source) => new(Vector256.LoadUnsafe(in source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float destination) => _value.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 operator +(FloatLanes256 left, FloatLanes256 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 operator -(FloatLanes256 left, FloatLanes256 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 operator *(FloatLanes256 left, FloatLanes256 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 operator /(FloatLanes256 left, FloatLanes256 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 operator -(FloatLanes256 value) => new(-value._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Max(FloatLanes256 a, FloatLanes256 b) => new(Avx.IsSupported
            ? Avx.Max(a._value, b._value)
            : Vector256.ConditionalSelect(Vector256.GreaterThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Min(FloatLanes256 a, FloatLanes256 b) => new(Avx.IsSupported
            ? Avx.Min(a._value, b._value)
            : Vector256.ConditionalSelect(Vector256.LessThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Abs(FloatLanes256 value) => new(Vector256.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Sqrt(FloatLanes256 value) => new(Vector256.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 MultiplyAddEstimate(FloatLanes256 a, FloatLanes256 b, FloatLanes256 c) =>
        new(Vector256.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 GreaterThan(FloatLanes256 a, FloatLanes256 b) =>
        new(Vector256.GreaterThan(a._value, b._value).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint GreaterThanBits(FloatLanes256 a, FloatLanes256 b) =>
        Vector256.GreaterThan(a._value, b._value).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 Equal(FloatLanes256 a, FloatLanes256 b) => new(Vector256.Equals(a._value, b._value).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Select(IntLanes256 mask, FloatLanes256 whenSet, FloatLanes256 otherwise) =>
        new(Vector256.ConditionalSelect(mask.Value.AsSingle(), whenSet._value, otherwise._value));

    // In one expression, or the compiler turns the comparison's mask into a vector and back.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 SelectGreater(FloatLanes256 a, FloatLanes256 b, IntLanes256 whenGreater, IntLanes256 otherwise) => new(
        Vector256.ConditionalSelect(Vector256.GreaterThan(a._value, b._value), whenGreater.Value.AsSingle(), otherwise.Value.AsSingle()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 NearestInt(FloatLanes256 value)
    {
        Ints bits = (value._value + Vector256.Create(12582912f)).AsInt32();
        return new((bits & Vector256.Create(0x007FFFFF)) - Vector256.Create(0x00400000));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 Truncate(FloatLanes256 value) => new(X86Base.IsSupported
            ? Vector256.ConvertToInt32Native(value._value)
            : Vector256.ConditionalSelect(
                Vector256.GreaterThan(value._value, Vector256.Create(-2147483904f)).AsInt32()
                    & Vector256.LessThan(value._value, Vector256.Create(2147483648f)).AsInt32(),
                Vector256.ConvertToInt32Native(value._value),
                Vector256.Create(int.MinValue)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 ToBits(FloatLanes256 value) => new(value._value.AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 FromBits(IntLanes256 bits) => new(bits.Value.AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Lookup8(ref readonly float table, IntLanes256 index)
    {
        Floats floats = Vector256.LoadUnsafe(in table);
        return new(Avx2.IsSupported
            ? Avx2.PermuteVar8x32(floats, index.Value)
            : Vector256.Shuffle(floats, index.Value & Vector256.Create(7)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 Lookup16(ref readonly float table, IntLanes256 index) => Select(
        IntLanes256.GreaterThan(index & IntLanes256.Broadcast(8), IntLanes256.Broadcast(0)),
        Lookup8(in Unsafe.Add(ref Unsafe.AsRef(in table), 8), index),
        Lookup8(in table, index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 MinToAll(FloatLanes256 value)
    {
        value = Min(value, new(Vector256.Shuffle(value._value, Vector256.Create(4, 5, 6, 7, 0, 1, 2, 3))));
        value = Min(value, new(Vector256.Shuffle(value._value, Vector256.Create(2, 3, 0, 1, 6, 7, 4, 5))));
        return Min(value, new(Vector256.Shuffle(value._value, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(FloatLanes256 value) =>
        FloatLanes128.MaxAcross(FloatLanes128.Max(new(value._value.GetLower()), new(value._value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MinAcross(FloatLanes256 value) =>
        FloatLanes128.MinAcross(FloatLanes128.Min(new(value._value.GetLower()), new(value._value.GetUpper())));
}

/// <summary>Eight integers in one 256-bit register.</summary>
internal readonly struct IntLanes256(Ints value) : IIntLanes<IntLanes256, FloatLanes256>
{
    /// <summary>The register.</summary>
    public Ints Value { get; } = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 Broadcast(int value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 Load(ref readonly int source) => new(Vector256.LoadUnsafe(in source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref int destination) => Value.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator +(IntLanes256 left, IntLanes256 right) => new(left.Value + right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator -(IntLanes256 left, IntLanes256 right) => new(left.Value - right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator *(IntLanes256 left, IntLanes256 right) => new(left.Value * right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator &(IntLanes256 left, IntLanes256 right) => new(left.Value & right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator |(IntLanes256 left, IntLanes256 right) => new(left.Value | right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator ^(IntLanes256 left, IntLanes256 right) => new(left.Value ^ right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator ~(IntLanes256 value) => new(~value.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator <<(IntLanes256 value, int shift) => new(value.Value << shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator >>(IntLanes256 value, int shift) => new(value.Value >> shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 operator >>>(IntLanes256 value, int shift) => new(value.Value >>> shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StoreFirst(int count, int* destination) => Vector256.ConditionalSelect(
        Vector256.GreaterThan(Vector256.Create(count), Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7)), Value, Vector256.Load(destination))
        .Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 Max(IntLanes256 a, IntLanes256 b) => new(Vector256.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 Min(IntLanes256 a, IntLanes256 b) => new(Vector256.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 GreaterThan(IntLanes256 a, IntLanes256 b) => new(Vector256.GreaterThan(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 Equal(IntLanes256 a, IntLanes256 b) => new(Vector256.Equals(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualBits(IntLanes256 a, IntLanes256 b) => Vector256.Equals(a.Value, b.Value).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 Select(IntLanes256 mask, IntLanes256 whenSet, IntLanes256 otherwise) =>
        new(Vector256.ConditionalSelect(mask.Value, whenSet.Value, otherwise.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 SelectGreater(IntLanes256 a, IntLanes256 b, FloatLanes256 whenGreater, FloatLanes256 otherwise) => FloatLanes256.FromBits(new(
        Vector256.ConditionalSelect(Vector256.GreaterThan(a.Value, b.Value), FloatLanes256.ToBits(whenGreater).Value, FloatLanes256.ToBits(otherwise).Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(IntLanes256 mask) => mask.Value != Ints.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes256 ToFloat(IntLanes256 value) => new(Vector256.ConvertToSingle(value.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint MaskBits(IntLanes256 mask) => mask.Value.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 LoadBytes(ref readonly byte source) => Avx2.IsSupported
        ? new(Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(in source)).AsByte()))
        : Join(IntLanes128.LoadBytes(in source), IntLanes128.LoadBytes(in Unsafe.Add(ref Unsafe.AsRef(in source), 4)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 LoadSBytes(ref readonly sbyte source) => Avx2.IsSupported
        ? new(Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(in Unsafe.As<sbyte, byte>(ref Unsafe.AsRef(in source)))).AsSByte()))
        : Join(IntLanes128.LoadSBytes(in source), IntLanes128.LoadSBytes(in Unsafe.Add(ref Unsafe.AsRef(in source), 4)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(ref byte destination)
    {
        Vector128<ushort> words = Vector128.Narrow(Value.AsUInt32().GetLower(), Value.AsUInt32().GetUpper());
        Unsafe.WriteUnaligned(ref destination, Vector128.Narrow(words, words).AsUInt64().ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes256 LoadUInt16(ref readonly ushort source) => Avx2.IsSupported
        ? new(Avx2.ConvertToVector256Int32(Vector128.LoadUnsafe(in source)))
        : Join(IntLanes128.LoadUInt16(in source), IntLanes128.LoadUInt16(in Unsafe.Add(ref Unsafe.AsRef(in source), 4)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreUInt16(ref ushort destination) =>
        Vector128.Narrow(Value.AsUInt32().GetLower(), Value.AsUInt32().GetUpper()).StoreUnsafe(ref destination);

    private static IntLanes256 Join(IntLanes128 lower, IntLanes128 upper) => new(Vector256.Create(lower.Value, upper.Value));
}
