using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Reference;

namespace GgufQuant.Gpu.Tests;

/// <summary>Every kernel, against the processor's codecs and libggml-base, byte for byte.</summary>
public abstract class KernelTests
{
    private const int RowLength = 1024;
    private const int Rows = 6;

    private readonly Kernels _kernels;

    protected KernelTests(Kernels kernels)
    {
        Assert.SkipWhen(kernels.Missing is not null, kernels.Missing ?? "");
        _kernels = kernels;
    }

    public static TheoryData<GgmlType, string> Cases => new(
        from type in KernelPlan.Types
        from name in WeightData.Classes
        select (type, name));

    public static TheoryData<GgmlType> Types => [.. KernelPlan.Types];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_kernel_gives_the_bytes_of_the_processor_and_of_ggml(GgmlType type, string data)
    {
        float[] weights = WeightData.Make(data, RowLength * Rows);
        List<(float[] Importance, byte[] Blocks)> made = [];
        foreach (float[] importance in Importances.Of(type, RowLength))
        {
            byte[] actual = new byte[BlockFormat.Of(type).ByteCount(weights.Length)];
            bool finite = Run(type, weights, importance, actual);
            byte[]? expected = QuantizeIfSound(type, weights, importance);
            Assert.Equal(expected is not null, finite);
            if (expected is null)
                continue;
            Assert.Equal(expected, actual);
            made.Add((importance, actual));
        }

        // Rather a skipped test than one that passes without ggml.
        Skip.UnlessExact(type);
        foreach ((float[] importance, byte[] blocks) in made)
            Assert.Equal(ReferenceCodec.Quantize(type, weights, RowLength, importance), blocks);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_kernel_widens_halves_itself(GgmlType type)
    {
        float[] weights = WeightData.Make("gaussian", RowLength * Rows);
        float[] importance = Importances.Of(type, RowLength)[0];
        foreach (GgmlType sourceType in (ReadOnlySpan<GgmlType>)[GgmlType.F16, GgmlType.BF16])
        {
            BlockFormat source = BlockFormat.Of(sourceType);
            byte[] halves = new byte[source.ByteCount(weights.Length)];
            source.Quantize(weights, RowLength, [], halves);
            float[] rounded = new float[weights.Length];
            source.Dequantize(halves, rounded);
            byte[] expected = Quantize(type, rounded, importance);
            byte[] actual = new byte[expected.Length];
            Assert.True(_kernels.Job.Run(KernelPlan.Find(type)!, new(sourceType, type, RowLength, Rows, importance, halves, actual)));
            Assert.Equal(expected, actual);
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_weight_that_is_not_finite_is_left_to_the_processor(GgmlType type)
    {
        foreach (float value in (ReadOnlySpan<float>)[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            float[] weights = WeightData.Make("gaussian", RowLength * Rows);
            weights[^1] = value;
            Assert.False(Run(type, weights, Importances.Of(type, RowLength)[0], new byte[BlockFormat.Of(type).ByteCount(weights.Length)]));
        }
    }

    private static byte[] Quantize(GgmlType type, float[] weights, float[] importance)
    {
        byte[] blocks = new byte[BlockFormat.Of(type).ByteCount(weights.Length)];
        BlockFormat.Of(type).Quantize(weights, RowLength, importance, blocks);
        return blocks;
    }

    // Null if the processor rejects the weights, or produces a scale that is not finite.
    private static byte[]? QuantizeIfSound(GgmlType type, float[] weights, float[] importance)
    {
        try
        {
            byte[] blocks = Quantize(type, weights, importance);
            return BlockValidation.FindInvalid(BlockFormat.Of(type), blocks) < 0 ? blocks : null;
        }
        catch (ArithmeticException)
        {
            return null;
        }
    }

    private bool Run(GgmlType type, float[] weights, float[] importance, byte[] blocks) => _kernels.Job.Run(
        KernelPlan.Find(type)!,
        new(GgmlType.F32, type, RowLength, Rows, importance, MemoryMarshal.AsBytes<float>(weights).ToArray(), blocks));

    /// <summary>The kernels on some device, compiled once for all tests.</summary>
    public abstract class Kernels : IDisposable
    {
        private readonly IGpuDriver? _driver;

        private protected Kernels(string? missing, Func<IGpuDriver> open)
        {
            Missing = missing;
            if (missing is not null)
                return;
            _driver = open();
            Job = new(_driver);
        }

        /// <summary>Why there is no such device; null if there is one.</summary>
        public string? Missing { get; }

        internal GpuJob Job { get; } = null!;

        public virtual void Dispose()
        {
            GC.SuppressFinalize(this);
            Job?.Dispose();
            _driver?.Dispose();
        }
    }
}
