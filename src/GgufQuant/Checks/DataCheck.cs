using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Checks;

/// <summary>Reads all data and looks for non-finite weights and scales, and for zeros that should be weights.</summary>
internal static class DataCheck
{
    public static IEnumerable<GgufFinding> Run(GgufFile file, int threads, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        IReadOnlyList<GgufTensor> tensors = file.Tensors;
        long[] firstInvalid = new long[tensors.Count];
        long[] invalidChunks = new long[tensors.Count];
        bool[] hasData = new bool[tensors.Count];
        Array.Fill(firstInvalid, -1);
        TensorScan.Run(
            tensors,
            (tensor, start, count, buffers) =>
            {
                ReadOnlySpan<byte> blocks = buffers.ReadBytes(file, tensors[tensor], start, count);
                return (BlockValidation.FindInvalid(tensors[tensor].Format, blocks), blocks.ContainsAnyExcept((byte)0));
            },
            (tensor, start, chunk) =>
            {
                (long invalid, bool data) = chunk;
                hasData[tensor] |= data;
                if (invalid >= 0)
                    invalidChunks[tensor]++;
                if (invalid >= 0 && firstInvalid[tensor] < 0)
                    firstInvalid[tensor] = start + (invalid * tensors[tensor].Format.BlockSize);
            },
            threads,
            progress,
            token);

        HashSet<GgufTensor> last = [.. tensors.Where(tensor => tensor.ByteCount > 0).GroupBy(tensor => tensor.Shard).Select(shard => shard.MaxBy(tensor => tensor.FileOffset)!)];
        for (int i = 0; i < tensors.Count; i++)
        {
            if (firstInvalid[i] >= 0)
                yield return DescribeInvalid(tensors[i], firstInvalid[i], invalidChunks[i] > 1);
            bool isLast = last.Contains(tensors[i]);
            if (!hasData[i] && ZeroCheck.OfWhole(file, tensors[i], isLast) is { } zero)
                yield return zero;
            else if (hasData[i] && isLast && ZeroCheck.OfTail(file, tensors[i]) is { } tail)
                yield return tail;
        }
    }

    private static GgufFinding DescribeInvalid(GgufTensor tensor, long weight, bool more)
    {
        (long row, long column) = Math.DivRem(weight, tensor.RowLength);
        string what = tensor.Format.BlockSize == 1
            ? $"The weight in row {row}, column {column} is not finite"
            : $"The block in row {row}, columns {column} to {column + tensor.Format.BlockSize - 1} has a non-finite scale";
        return new GgufFinding(FindingSeverity.Error, tensor.Name, $"{what}{(more ? ", nor are others after it" : "")}.");
    }
}
