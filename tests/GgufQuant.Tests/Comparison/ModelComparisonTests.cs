using GgufQuant.Comparison;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Comparison;

/// <summary>The error between two models: against plain sums, the same at any number of threads, and only for the same model.</summary>
public class ModelComparisonTests
{
    private const string Architecture = "general.architecture";

    [Theory]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.Q4_0)]
    public void The_measures_are_what_they_say(GgmlType type)
    {
        float[] weights = WeightData.Make("gaussian", 256 * 700);
        float[] vector = WeightData.Make("positive", 256);
        using GgufFile reference = Model(("a.weight", GgmlType.F32, weights), ("b.weight", GgmlType.F32, vector));
        using GgufFile candidate = Model(("b.weight", GgmlType.F32, vector), ("a.weight", type, weights));
        float[] stored = new float[weights.Length];
        BlockFormat.Of(type).Dequantize(Quantize(type, weights), stored);

        ModelError error = ModelComparison.Measure(reference, candidate, token: TestContext.Current.CancellationToken);
        double differences = weights.Zip(stored, (a, b) => Math.Pow((double)a - b, 2)).Sum();
        double squares = weights.Sum(a => (double)a * a);
        double candidateSquares = stored.Sum(a => (double)a * a);
        double products = weights.Zip(stored, (a, b) => (double)a * b).Sum();
        TensorError tensor = error.Tensors[0];
        Assert.Equal(("a.weight", GgmlType.F32, type, 256L * 700), (tensor.Name, tensor.ReferenceType, tensor.Type, tensor.ElementCount));
        AssertClose(Math.Sqrt(differences / squares), tensor.RelativeRmsError);
        AssertClose(products / Math.Sqrt(squares * candidateSquares), tensor.CosineSimilarity);
        AssertClose(10 * Math.Log10(squares / differences), tensor.SignalToNoise);
        Assert.Equal(weights.Zip(stored, (a, b) => Math.Abs((double)a - b)).Max(), tensor.MaxAbsoluteError);
        Assert.Same(tensor, error.WorstTensor);

        Assert.Equal((0, 1, double.PositiveInfinity, 0), (error.Tensors[1].RelativeRmsError, error.Tensors[1].CosineSimilarity, error.Tensors[1].SignalToNoise, error.Tensors[1].MaxAbsoluteError));
        AssertClose(Math.Sqrt(differences / (squares + vector.Sum(a => (double)a * a))), error.RelativeRmsError);
        Assert.Equal(weights.Length + vector.Length, error.ElementCount);
        Assert.Equal(tensor.MaxAbsoluteError, error.MaxAbsoluteError);
    }

    [Fact]
    public void The_result_is_the_same_at_any_number_of_threads()
    {
        float[] weights = WeightData.Make("heavy-tail", 256 * 3000);
        using GgufFile reference = Model(("a.weight", GgmlType.F32, weights), ("b.weight", GgmlType.F32, weights[..512]));
        using GgufFile candidate = Model(("a.weight", GgmlType.Q4_0, weights), ("b.weight", GgmlType.Q8_0, weights[..512]));
        ModelError expected = ModelComparison.Measure(reference, candidate, threads: 1, token: TestContext.Current.CancellationToken);
        foreach (int threads in new[] { 2, 3, 16 })
        {
            ModelError actual = ModelComparison.Measure(reference, candidate, threads, token: TestContext.Current.CancellationToken);
            Assert.Equal(expected.Tensors, actual.Tensors);
            Assert.Equal(expected with { Tensors = actual.Tensors }, actual);
        }
    }

    [Fact]
    public void Equal_models_have_no_error()
    {
        using GgufFile sample = GgufFile.Open(Sample.Model);
        ModelError error = ModelComparison.Measure(sample, sample, token: TestContext.Current.CancellationToken);
        Assert.Equal((0, 1, double.PositiveInfinity, 0), (error.RelativeRmsError, error.CosineSimilarity, error.SignalToNoise, error.MaxAbsoluteError));
        Assert.Equal(sample.Tensors.Sum(tensor => tensor.ElementCount), error.ElementCount);
        Assert.Equal(sample.Tensors.Select(tensor => tensor.Name), error.Tensors.Select(tensor => tensor.Name));
    }

    [Theory]
    [InlineData(0f, 0f, 0, 1, double.PositiveInfinity)]
    [InlineData(1f, 0f, 1, 0, 0)]
    [InlineData(0f, 1f, double.PositiveInfinity, 0, double.NegativeInfinity)]
    [InlineData(1f, -1f, 2, -1, -6.020599913279624)]
    [InlineData(1f, float.NaN, double.NaN, double.NaN, double.NaN)]
    [InlineData(float.NaN, 1f, double.NaN, double.NaN, double.NaN)]
    public void Corners_are_defined(float a, float b, double relativeError, double cosine, double signalToNoise)
    {
        foreach (int length in new[] { 1, 5, 16, 37 })
        {
            ErrorSums sums = ErrorSums.Of(Enumerable.Repeat(a, length).ToArray(), Enumerable.Repeat(b, length).ToArray());
            Assert.Equal(relativeError, sums.RelativeRmsError, 12);
            Assert.Equal(cosine, sums.CosineSimilarity, 12);
            Assert.Equal(signalToNoise, sums.SignalToNoise, 12);
        }
    }

    [Fact]
    public void Sums_are_those_of_sixteen_lanes_on_every_processor()
    {
        float[] a = WeightData.Make("heavy-tail", 1003);
        float[] b = WeightData.Make("heavy-tail", 1003, seed: 2);
        double[] lanes = new double[16];
        int whole = a.Length / 16 * 16;
        for (int i = 0; i < whole; i++)
            lanes[i % 16] += (double)a[i] * b[i];
        double expected = 0;
        for (int lane = 0; lane < 8; lane++)
            expected += lanes[lane] + lanes[lane + 8];
        for (int i = whole; i < a.Length; i++)
            expected += (double)a[i] * b[i];
        Assert.Equal(expected, ErrorSums.Of(a, b).Products);
    }

    [Fact]
    public void A_tensor_with_NaN_is_the_worst()
    {
        float[] weights = WeightData.Make("gaussian", 256);
        float[] broken = [.. weights];
        broken[100] = float.NaN;
        using GgufFile reference = Model(("a.weight", GgmlType.F32, weights), ("b.weight", GgmlType.F32, weights));
        using GgufFile candidate = Model(("a.weight", GgmlType.F32, broken), ("b.weight", GgmlType.F32, new float[256]));
        ModelError error = ModelComparison.Measure(reference, candidate, token: TestContext.Current.CancellationToken);
        Assert.Equal("a.weight", error.WorstTensor!.Name);
        Assert.True(double.IsNaN(error.WorstTensor.MaxAbsoluteError));
    }

    [Fact]
    public void Different_models_are_rejected_with_the_difference()
    {
        (string, GgmlType, float[]) a = ("a.weight", GgmlType.F32, new float[256]);
        (string, GgmlType, float[]) b = ("b.weight", GgmlType.F32, new float[256]);
        using GgufFile reference = Model(a);
        AssertMismatch(reference, Model("other", 2, a), "The architecture is 'other' instead of 'llama'.");
        AssertMismatch(reference, Model("llama", 3, a), "The vocabulary has 3 tokens instead of 2.");
        AssertMismatch(reference, Model(b), "It lacks the tensor 'a.weight'.");
        AssertMismatch(reference, Model(a, b), "It also has the tensor 'b.weight'.");
        AssertMismatch(reference, Model(("a.weight", GgmlType.F32, new float[512])), "The tensor 'a.weight' is [256, 2] instead of [256].");
    }

    [Fact]
    public void It_stops_on_request()
    {
        using GgufFile sample = GgufFile.Open(Sample.Model);
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => ModelComparison.Measure(sample, sample, token: source.Token));
    }

    [Fact]
    public void Progress_ends_at_the_whole()
    {
        using GgufFile sample = GgufFile.Open(Sample.Model);
        Recorder recorder = new();
        ModelComparison.Measure(sample, sample, progress: recorder, token: TestContext.Current.CancellationToken);
        Assert.Equal(1, recorder.Last?.Share);
        Assert.Equal(sample.Tensors[^1].Name, recorder.Last?.Status);
    }

    private static void AssertMismatch(GgufFile reference, GgufFile candidate, string difference)
    {
        using (candidate)
        {
            ModelMismatchException exception = Assert.Throws<ModelMismatchException>(() => ModelComparison.Measure(reference, candidate));
            Assert.EndsWith(difference, exception.Message);
        }
    }

    private static GgufFile Model(params (string Name, GgmlType Type, float[] Weights)[] tensors) => Model("llama", 2, tensors);

    private static GgufFile Model(string architecture, int tokens, params (string Name, GgmlType Type, float[] Weights)[] tensors) =>
        GgufFile.Open(
            $"{architecture}.gguf",
            GgufBytes.Write(
                [(Architecture, architecture), ("tokenizer.ggml.tokens", new string[tokens].Select((_, i) => $"{i}").ToArray())],
                [.. tensors.Select(tensor => (new GgufTensorInfo(tensor.Name, tensor.Type, [256, tensor.Weights.Length / 256]), Quantize(tensor.Type, tensor.Weights)))]));

    private static byte[] Quantize(GgmlType type, float[] weights)
    {
        byte[] blocks = new byte[BlockFormat.Of(type).ByteCount(weights.Length)];
        BlockFormat.Of(type).Quantize(weights, 256, [], blocks);
        return blocks;
    }

    private static void AssertClose(double expected, double actual) =>
        Assert.True(Math.Abs(expected - actual) <= 1e-12 * Math.Abs(expected), $"expected {expected:R}, got {actual:R}");

    private sealed class Recorder : IProgress<WorkProgress>
    {
        public WorkProgress? Last { get; private set; }

        public void Report(WorkProgress value) => Last = value;
    }
}
