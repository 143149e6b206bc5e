using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>Finds the tensors of a plan that an earlier file holds already.</summary>
/// <remarks>
/// A tensor counts as the same where its name, shape and type are, and where rows from its first to its last, quantized
/// again, give the bytes that the earlier file has: another source or importance matrix shows in nearly every block.
/// </remarks>
internal static class ReusableTensors
{
    private const int SampleRows = 16;
    private const int LongestRow = 1 << 22;

    /// <summary>The tensors of the earlier file by their place in the plan.</summary>
    internal static IReadOnlyDictionary<int, GgufTensor> Find(QuantizationPlan plan, GgufFile earlier, int threads, CancellationToken token)
    {
        GgufTensor?[] same = new GgufTensor?[plan.Tensors.Count];
        ParallelLoop.For(same.Length, threads, index => same[index] = Find(plan, plan.Tensors[index], earlier, token), token);
        return same.Index().Where(found => found.Item is not null).ToDictionary(found => found.Index, found => found.Item!);
    }

    private static GgufTensor? Find(QuantizationPlan plan, PlannedTensor tensor, GgufFile earlier, CancellationToken token)
    {
        bool isCandidate = !tensor.IsCopied && tensor.Moments is null && tensor.Source.RowCount > 0 && tensor.Source.RowLength <= LongestRow;
        if (!isCandidate || earlier.FindTensor(tensor.Name) is not { } candidate || candidate.Type != tensor.Target)
            return null;
        if (candidate.ElementCount != tensor.Source.ElementCount || candidate.RowLength != tensor.Source.RowLength)
            return null;

        float[] importance = tensor.Importance?.ReadMeans() ?? [];
        for (int sample = 0; sample < SampleRows; sample++)
        {
            token.ThrowIfCancellationRequested();
            long row = sample * (tensor.Source.RowCount - 1) / (SampleRows - 1);
            if (!RowIsSame(plan.Source, tensor, row, importance, earlier, candidate))
                return null;
        }
        return candidate;
    }

    private static bool RowIsSame(GgufFile source, PlannedTensor tensor, long row, float[] importance, GgufFile earlier, GgufTensor candidate)
    {
        int length = (int)tensor.Source.RowLength;
        byte[] raw = new byte[tensor.Source.Format.ByteCount(length)];
        source.Read(tensor.Source, row * raw.Length, raw);
        if (BlockValidation.FindInvalid(tensor.Source.Format, raw) >= 0)
            return false;
        float[] weights = new float[length];
        tensor.Source.Format.Dequantize(raw, weights);

        byte[] blocks = new byte[tensor.Format.ByteCount(length)];
        long rowsPerMatrix = importance.Length == 0 ? 1 : tensor.Source.RowCount / (importance.Length / length);
        ReadOnlySpan<float> factors = importance.Length == 0 ? [] : importance.AsSpan((int)(row / rowsPerMatrix) * length, length);
        try
        {
            tensor.Format.Quantize(weights, length, factors, blocks);
        }
        catch (ArithmeticException)
        {
            return false;
        }
        byte[] found = new byte[blocks.Length];
        earlier.Read(candidate, row * found.Length, found);
        return found.AsSpan().SequenceEqual(blocks);
    }
}
