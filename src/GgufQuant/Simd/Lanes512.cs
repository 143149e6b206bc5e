using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Floats = System.Runtime.Intrinsics.Vector512<float>;
using Ints = System.Runtime.Intrinsics.Vector512<int>;

namespace GgufQuant.Simd;

/// <summary>Sixteen floats in one 512-bit register.</summary>
internal readonly struct FloatLanes512(Floats value) : IFloatLanes<FloatLanes512, IntLanes512>
{
    private readonly Floats _value = value;

    public static int Count => Floats.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Load(ref readonly float source) => new(Vector512.LoadUnsafe(in source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float destination) => _value.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 operator +(FloatLanes512 left, FloatLanes512 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 operator -(FloatLanes512 left, FloatLanes512 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 operator *(FloatLanes512 left, FloatLanes512 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 operator /(FloatLanes512 left, FloatLanes512 right) => new(left._value / right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 operator -(FloatLanes512 value) => new(-value._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Max(FloatLanes512 a, FloatLanes512 b) => new(Avx512F.IsSupported
            ? Avx512F.Max(a._value, b._value)
            : Vector512.ConditionalSelect(Vector512.GreaterThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Min(FloatLanes512 a, FloatLanes512 b) => new(Avx512F.IsSupported
            ? Avx512F.Min(a._value, b._value)
            : Vector512.ConditionalSelect(Vector512.LessThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Abs(FloatLanes512 value) => new(Vector512.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Sqrt(FloatLanes512 value) => new(Vector512.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 MultiplyAddEstimate(FloatLanes512 a, FloatLanes512 b, FloatLanes512 c) =>
        new(Vector512.MultiplyAddEstimate(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 GreaterThan(FloatLanes512 a, FloatLanes512 b) =>
        new(Vector512.GreaterThan(a._value, b._value).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint GreaterThanBits(FloatLanes512 a, FloatLanes512 b) =>
        (uint)Vector512.GreaterThan(a._value, b._value).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 Equal(FloatLanes512 a, FloatLanes512 b) => new(Vector512.Equals(a._value, b._value).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Select(IntLanes512 mask, FloatLanes512 whenSet, FloatLanes512 otherwise) =>
        new(Vector512.ConditionalSelect(mask.Value.AsSingle(), whenSet._value, otherwise._value));

    // In one expression, or the compiler turns the comparison's mask into a vector and back.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 SelectGreater(FloatLanes512 a, FloatLanes512 b, IntLanes512 whenGreater, IntLanes512 otherwise) => new(
        Vector512.ConditionalSelect(Vector512.GreaterThan(a._value, b._value), whenGreater.Value.AsSingle(), otherwise.Value.AsSingle()).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 NearestInt(FloatLanes512 value)
    {
        Ints bits = (value._value + Vector512.Create(12582912f)).AsInt32();
        return new((bits & Vector512.Create(0x007FFFFF)) - Vector512.Create(0x00400000));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 Truncate(FloatLanes512 value) => new(X86Base.IsSupported
            ? Vector512.ConvertToInt32Native(value._value)
            : Vector512.ConditionalSelect(
                Vector512.GreaterThan(value._value, Vector512.Create(-2147483904f)).AsInt32()
                    & Vector512.LessThan(value._value, Vector512.Create(2147483648f)).AsInt32(),
                Vector512.ConvertToInt32Native(value._value),
                Vector512.Create(int.MinValue)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 ToBits(FloatLanes512 value) => new(value._value.AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 FromBits(IntLanes512 bits) => new(bits.Value.AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Lookup8(ref readonly float table, IntLanes512 index) => Lookup16(in table, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 Lookup16(ref readonly float table, IntLanes512 index)
    {
        Floats floats = Vector512.LoadUnsafe(in table);
        return new(Avx512F.IsSupported
            ? Avx512F.PermuteVar16x32(floats, index.Value)
            : Vector512.Shuffle(floats, index.Value & Vector512.Create(15)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 MinToAll(FloatLanes512 value)
    {
        if (Avx512F.IsSupported)
        {
            value = Min(value, new(Avx512F.Shuffle4x128(value._value, value._value, 0b01_00_11_10)));
            value = Min(value, new(Avx512F.Shuffle4x128(value._value, value._value, 0b10_11_00_01)));
        }
        else
        {
            value = Min(value, new(Vector512.Shuffle(value._value, Vector512.Create(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7))));
            value = Min(value, new(Vector512.Shuffle(value._value, Vector512.Create(4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11))));
        }
        value = Min(value, new(Vector512.Shuffle(value._value, Vector512.Create(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13))));
        return Min(value, new(Vector512.Shuffle(value._value, Vector512.Create(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14))));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(FloatLanes512 value) =>
        FloatLanes256.MaxAcross(FloatLanes256.Max(new(value._value.GetLower()), new(value._value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MinAcross(FloatLanes512 value) =>
        FloatLanes256.MinAcross(FloatLanes256.Min(new(value._value.GetLower()), new(value._value.GetUpper())));
}

/// <summary>Sixteen integers in one 512-bit register.</summary>
internal readonly struct IntLanes512(Ints value) : IIntLanes<IntLanes512, FloatLanes512>
{
    /// <summary>The register.</summary>
    public Ints Value { get; } = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 Broadcast(int value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 Load(ref readonly int source) => new(Vector512.LoadUnsafe(in source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref int destination) => Value.StoreUnsafe(ref destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator +(IntLanes512 left, IntLanes512 right) => new(left.Value + right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator -(IntLanes512 left, IntLanes512 right) => new(left.Value - right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator *(IntLanes512 left, IntLanes512 right) => new(left.Value * right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator &(IntLanes512 left, IntLanes512 right) => new(left.Value & right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator |(IntLanes512 left, IntLanes512 right) => new(left.Value | right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator ^(IntLanes512 left, IntLanes512 right) => new(left.Value ^ right.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator ~(IntLanes512 value) => new(~value.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator <<(IntLanes512 value, int shift) => new(value.Value << shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator >>(IntLanes512 value, int shift) => new(value.Value >> shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 operator >>>(IntLanes512 value, int shift) => new(value.Value >>> shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StoreFirst(int count, int* destination)
    {
        Ints mask = Vector512.GreaterThan(Vector512.Create(count), Vector512.Create(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
        if (Avx512F.IsSupported)
            Avx512F.MaskStore(destination, mask, Value);
        else
            Vector512.ConditionalSelect(mask, Value, Vector512.Load(destination)).Store(destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 Max(IntLanes512 a, IntLanes512 b) => new(Vector512.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 Min(IntLanes512 a, IntLanes512 b) => new(Vector512.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 GreaterThan(IntLanes512 a, IntLanes512 b) => new(Vector512.GreaterThan(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 Equal(IntLanes512 a, IntLanes512 b) => new(Vector512.Equals(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint EqualBits(IntLanes512 a, IntLanes512 b) => (uint)Vector512.Equals(a.Value, b.Value).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 Select(IntLanes512 mask, IntLanes512 whenSet, IntLanes512 otherwise) =>
        new(Vector512.ConditionalSelect(mask.Value, whenSet.Value, otherwise.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 SelectGreater(IntLanes512 a, IntLanes512 b, FloatLanes512 whenGreater, FloatLanes512 otherwise) => FloatLanes512.FromBits(new(
        Vector512.ConditionalSelect(Vector512.GreaterThan(a.Value, b.Value), FloatLanes512.ToBits(whenGreater).Value, FloatLanes512.ToBits(otherwise).Value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(IntLanes512 mask) => mask.Value != Ints.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes512 ToFloat(IntLanes512 value) => new(Vector512.ConvertToSingle(value.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint MaskBits(IntLanes512 mask) => (uint)mask.Value.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 LoadBytes(ref readonly byte source) => Avx512F.IsSupported
        ? new(Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(in source)))
        : Join(IntLanes256.LoadBytes(in source), IntLanes256.LoadBytes(in Unsafe.Add(ref Unsafe.AsRef(in source), 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 LoadSBytes(ref readonly sbyte source) => Avx512F.IsSupported
        ? new(Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(in source)))
        : Join(IntLanes256.LoadSBytes(in source), IntLanes256.LoadSBytes(in Unsafe.Add(ref Unsafe.AsRef(in source), 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBytes(ref byte destination)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.ConvertToVector128Byte(Value).StoreUnsafe(ref destination);
            return;
        }
        new IntLanes256(Value.GetLower()).StoreBytes(ref destination);
        new IntLanes256(Value.GetUpper()).StoreBytes(ref Unsafe.Add(ref destination, 8));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes512 LoadUInt16(ref readonly ushort source) => Avx512F.IsSupported
        ? new(Avx512F.ConvertToVector512Int32(Vector256.LoadUnsafe(in source)))
        : Join(IntLanes256.LoadUInt16(in source), IntLanes256.LoadUInt16(in Unsafe.Add(ref Unsafe.AsRef(in source), 8)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreUInt16(ref ushort destination)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.ConvertToVector256UInt16(Value).StoreUnsafe(ref destination);
            return;
        }
        new IntLanes256(Value.GetLower()).StoreUInt16(ref destination);
        new IntLanes256(Value.GetUpper()).StoreUInt16(ref Unsafe.Add(ref destination, 8));
    }

    private static IntLanes512 Join(IntLanes256 lower, IntLanes256 upper) => new(Vector512.Create(lower.Value, upper.Value));
}
