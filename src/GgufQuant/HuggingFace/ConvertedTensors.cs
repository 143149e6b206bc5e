using System.Buffers;
using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace.Safetensors;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace;

/// <summary>The tensor data of a folder's GGUF file, converted when it is read.</summary>
internal sealed class ConvertedTensors(ModelFolder folder, WeightFiles files, IReadOnlyDictionary<string, TensorValues> values) : ITensorData
{
    // In whole blocks of every format.
    private const int StepValues = 1 << 16;

    public IEnumerable<string> Paths => files.Files.Select(file => file.Path);

    public void Read(GgufTensor tensor, long offset, Span<byte> destination)
    {
        TensorValues source = values[tensor.Name];
        BlockFormat format = tensor.Format;
        (long block, long skipped) = Math.DivRem(offset, format.BlockBytes);
        if (skipped == 0 && destination.Length % format.BlockBytes == 0)
        {
            ReadBlocks(source, format, block * format.BlockSize, destination);
            return;
        }
        byte[] blocks = new byte[(skipped + destination.Length + format.BlockBytes - 1) / format.BlockBytes * format.BlockBytes];
        ReadBlocks(source, format, block * format.BlockSize, blocks);
        blocks.AsSpan((int)skipped, destination.Length).CopyTo(destination);
    }

    public long SourceBytesOf(GgufTensor tensor) => values[tensor.Name].Format.ByteCount(values[tensor.Name].Count);

    public void ThrowIfChanged()
    {
        foreach (SafetensorsFile file in files.Files)
            file.ThrowIfChanged();
    }

    public void Dispose()
    {
        files.Dispose();
        folder.Dispose();
    }

    private static void ReadBlocks(TensorValues source, BlockFormat format, long first, Span<byte> destination)
    {
        if (source.Type == format.Type)
        {
            source.Read(first, destination);
            if (format.Type == GgmlType.BF16)
                QuietNaNs(destination);
            return;
        }
        float[] buffer = ArrayPool<float>.Shared.Rent(StepValues);
        while (!destination.IsEmpty)
        {
            int count = (int)Math.Min(StepValues, (long)destination.Length / format.BlockBytes * format.BlockSize);
            Span<float> floats = buffer.AsSpan(0, count);
            source.ReadFloats(first, floats);
            int bytes = (int)format.ByteCount(count);
            format.Quantize(floats, count, default, destination[..bytes]);
            destination = destination[bytes..];
            first += count;
        }
        ArrayPool<float>.Shared.Return(buffer);
    }

    // The converter goes through F32, which turns signaling NaNs into quiet ones. Hardly any model has a NaN, and looking for one
    // takes less time than writing every value again.
    private static void QuietNaNs(Span<byte> values)
    {
        const ushort Magnitude = 0x7FFF, Infinity = 0x7F80, Quiet = 0x40;
        if (BlockValidation.FindInvalid(BlockFormat.Of(GgmlType.BF16), values) < 0)
            return;
        foreach (ref ushort value in MemoryMarshal.Cast<byte, ushort>(values))
        {
            if ((value & Magnitude) > Infinity)
                value |= Quiet;
        }
    }
}
