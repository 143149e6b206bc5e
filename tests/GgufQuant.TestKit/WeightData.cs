using System.Buffers.Binary;

namespace GgufQuant.TestKit;

/// <summary>Rows of weights of one character each: every kind of block that has ever revealed a difference between quantizers.</summary>
public static class WeightData
{
    /// <summary>The classes, by name.</summary>
    public static IReadOnlyList<string> Classes { get; } =
    [
        "gaussian", "bf16-gaussian", "uniform", "heavy-tail", "sparse-signed-zeros", "constant-blocks", "all-zero",
        "negative-zero", "denormal", "tiny", "mixed-tiny", "near-threshold", "large", "huge", "very-huge",
        "near-float-max", "ties", "small-integers", "positive", "one-outlier", "near-powers-of-two", "random-bits",
        "zero-runs",
    ];

    /// <summary>Finite weights of a class; the same for the same arguments on every machine.</summary>
    public static float[] Make(string name, int count, int seed = 1)
    {
        Random random = new(HashSeed(name, seed));
        float[] weights = new float[count];
        for (int i = 0; i < count; i++)
        {
            weights[i] = name switch
            {
                "gaussian" => (float)(Gaussian(random) * 0.02),
                "bf16-gaussian" => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits((float)Gaussian(random)) & unchecked((int)0xFFFF0000)),
                "uniform" => (float)((random.NextDouble() * 2) - 1),
                "heavy-tail" => (float)(Gaussian(random) / (Math.Abs(Gaussian(random)) + 1e-3)),
                "sparse-signed-zeros" => random.Next(4) == 0 ? (float)Gaussian(random) : random.Next(2) == 0 ? 0f : -0f,
                "constant-blocks" => ConstantBlock(name, seed, i),
                "all-zero" => 0f,
                "negative-zero" => -0f,
                "denormal" => BitConverter.Int32BitsToSingle(random.Next(0x00800000) | (random.Next(2) << 31)),
                "tiny" => (float)(Gaussian(random) * 1e-30),
                "mixed-tiny" => (float)(Gaussian(random) * Math.Pow(10, (random.NextDouble() * 20) - 38)),
                "near-threshold" => (float)(Gaussian(random) * 1e-15),
                "large" => (float)(Gaussian(random) * 1e4),
                "huge" => (float)(Gaussian(random) * 1e18),
                "very-huge" => (float)(Gaussian(random) * 1e30),
                "near-float-max" => (float)((random.NextDouble() * 2) - 1) * float.MaxValue,
                "ties" => random.Next(-31, 32) / 2f,
                "small-integers" => random.Next(-8, 9),
                "positive" => (float)Math.Abs(Gaussian(random)) + 0.5f,
                "one-outlier" => i % 256 == 37 ? 100f : (float)(Gaussian(random) * 0.01),
                "near-powers-of-two" => NearPowerOfTwo(random, name, seed, i),
                "random-bits" => RandomFinite(random),
                "zero-runs" => new Random(HashSeed(name, seed) + (i / 16)).Next(3) == 0 ? 0f : (float)(Gaussian(random) * 0.02),
                _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
            };
        }
        return weights;
    }

    /// <summary>Importance weights like an importance matrix's: squares, some of them zero.</summary>
    public static float[] MakeImportance(int count, int seed = 1)
    {
        Random random = new(seed + 77);
        float[] importance = new float[count];
        for (int i = 0; i < count; i++)
        {
            double value = Gaussian(random);
            importance[i] = random.Next(16) == 0 ? 0f : (float)(value * value);
        }
        return importance;
    }

    /// <summary>The characters of importance that a matrix may have, by name.</summary>
    public static IReadOnlyList<string> ImportanceClasses { get; } = ["equal", "all-zero", "zero-blocks", "zero-halves", "tiny", "large", "one-column"];

    /// <summary>Importance weights of a class; what a matrix of a barely used tensor, of dead columns or from a strange source may hold.</summary>
    public static float[] MakeImportance(string name, int count)
    {
        float[] importance = MakeImportance(count);
        for (int i = 0; i < count; i++)
        {
            importance[i] = name switch
            {
                "equal" => 1f,
                "all-zero" => 0f,
                "zero-blocks" => i / 32 % 3 == 1 ? 0f : importance[i],
                "zero-halves" => i / 8 % 2 == 1 ? 0f : importance[i],
                "tiny" => importance[i] * 1e-30f,
                "large" => importance[i] * 1e15f,
                "one-column" => i % 256 == 77 ? 1f : 0f,
                _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
            };
        }
        return importance;
    }

    // string.GetHashCode differs from run to run.
    private static int HashSeed(string name, int seed) =>
        name.Aggregate(seed, (hash, letter) => unchecked((hash * 31) + letter));

    private static float ConstantBlock(string name, int seed, int index)
    {
        Random random = new(HashSeed(name, seed) + (index / 64));
        return (float)Gaussian(random);
    }

    // Where a logarithm rounds up to the next integer, and a block's greatest magnitude decides its exponent.
    private static float NearPowerOfTwo(Random random, string name, int seed, int index)
    {
        int exponent = new Random(HashSeed(name, seed) + (index / 32)).Next(-148, 129);
        double below = random.Next(100) * Math.Pow(2, -24);
        float value = (float)Math.Min(Math.Pow(2, exponent) * (1 - below), float.MaxValue);
        return random.Next(2) == 0 ? value : -value;
    }

    private static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static float RandomFinite(Random random)
    {
        Span<byte> bytes = stackalloc byte[4];
        float value;
        do
        {
            random.NextBytes(bytes);
            value = BinaryPrimitives.ReadSingleLittleEndian(bytes);
        }
        while (!float.IsFinite(value));
        return value;
    }
}
