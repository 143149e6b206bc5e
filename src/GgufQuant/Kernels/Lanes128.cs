using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Floats = System.Runtime.Intrinsics.Vector128<float>;
using Ints = System.Runtime.Intrinsics.Vector128<int>;
using Simd = System.Runtime.Intrinsics.Vector128;

namespace GgufQuant.Kernels;

/// <summary>Four floats in one 128-bit register.</summary>
internal readonly struct FloatLanes128(Floats value) : IFloatLanes<FloatLanes128, IntLanes128>
{
    private readonly Floats _value = value;

    public static int Count => Floats.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Broadcast(float value) => new(Simd.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Load(ref readonly float source) => new(Simd.LoadUnsafe(in source));

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
    public static FloatLanes128 Max(FloatLanes128 a, FloatLanes128 b) =>
        new(Simd.ConditionalSelect(Simd.GreaterThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Min(FloatLanes128 a, FloatLanes128 b) =>
        new(Simd.ConditionalSelect(Simd.LessThan(a._value, b._value), a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Abs(FloatLanes128 value) => new(Simd.Abs(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Sqrt(FloatLanes128 value) => new(Simd.Sqrt(value._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 GreaterThan(FloatLanes128 a, FloatLanes128 b) =>
        new(Simd.GreaterThan(a._value, b._value).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Equal(FloatLanes128 a, FloatLanes128 b) => new(Simd.Equals(a._value, b._value).AsInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 Select(IntLanes128 mask, FloatLanes128 whenSet, FloatLanes128 otherwise) =>
        new(Simd.ConditionalSelect(mask.Value.AsSingle(), whenSet._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 NearestInt(FloatLanes128 value)
    {
        Ints bits = (value._value + Simd.Create(12582912f)).AsInt32();
        return new((bits & Simd.Create(0x007FFFFF)) - Simd.Create(0x00400000));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Truncate(FloatLanes128 value) => new(Simd.ConditionalSelect(
            Simd.GreaterThan(value._value, Simd.Create(-2147483904f)).AsInt32()
                & Simd.LessThan(value._value, Simd.Create(2147483648f)).AsInt32(),
            Simd.ConvertToInt32Native(value._value),
            Simd.Create(int.MinValue)));
}

/// <summary>Four integers in one 128-bit register.</summary>
internal readonly struct IntLanes128(Ints value) : IIntLanes<IntLanes128, FloatLanes128>
{
    /// <summary>The register.</summary>
    public Ints Value { get; } = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Broadcast(int value) => new(Simd.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Load(ref readonly int source) => new(Simd.LoadUnsafe(in source));

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
    public static IntLanes128 Max(IntLanes128 a, IntLanes128 b) => new(Simd.Max(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Min(IntLanes128 a, IntLanes128 b) => new(Simd.Min(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 GreaterThan(IntLanes128 a, IntLanes128 b) => new(Simd.GreaterThan(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Equal(IntLanes128 a, IntLanes128 b) => new(Simd.Equals(a.Value, b.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IntLanes128 Select(IntLanes128 mask, IntLanes128 whenSet, IntLanes128 otherwise) =>
        new(Simd.ConditionalSelect(mask.Value, whenSet.Value, otherwise.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Any(IntLanes128 mask) => mask.Value != Ints.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FloatLanes128 ToFloat(IntLanes128 value) => new(Simd.ConvertToSingle(value.Value));
}
