using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Planning;

/// <summary>The plan for one tensor.</summary>
/// <param name="Source">The tensor in the source.</param>
/// <param name="Target">Its new type.</param>
/// <param name="Rule">The rule that chose the type, in words.</param>
public sealed record PlannedTensor(GgufTensor Source, GgmlType Target, string Rule)
{
    /// <summary>The tensor's name in the file to be written.</summary>
    public string Name { get; init; } = Source.Name;

    /// <summary>The target type as an object.</summary>
    public BlockFormat Format => BlockFormat.Of(Target);

    /// <summary>Bytes the tensor will take.</summary>
    public long ByteCount => Format.ByteCount(Source.ElementCount);

    /// <summary>How much each column matters; null if all matter equally, or the target type ignores it.</summary>
    public ImatrixEntry? Importance { get; init; }

    /// <summary>The moments of the tensor's input, to round with; null to quantize as ggml does.</summary>
    public InputMoments? Moments { get; init; }

    /// <summary>Whether the tensor's bytes are copied unchanged.</summary>
    public bool IsCopied => Source.Type == Target;

    /// <summary>Checks that the tensor can be quantized as planned.</summary>
    /// <exception cref="QuantizationException">It cannot; the message says why and what to do.</exception>
    internal void Validate(QuantizationOptions options)
    {
        if (IsCopied)
            return;
        BlockFormat source = Source.Format;
        if (!source.IsQuantized && source.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            throw new QuantizationException($"Tensor '{Name}' is {source}, which cannot be quantized to {Format}.");
        if (source.IsQuantized && !options.AllowRequantize)
        {
            throw new QuantizationException(
                $"Tensor '{Name}' is already quantized, to {source}. Quantizing it again to {Format} loses more than quantizing the original. "
                + "Start from the F16, BF16 or F32 model, or allow requantizing.")
            {
                Remedy = QuantizationRemedy.AllowRequantize,
            };
        }
        if (Source.RowLength % Format.BlockSize != 0)
            throw new QuantizationException($"Tensor '{Name}' has rows of {Source.RowLength} weights, which is not a multiple of the {Format} block size {Format.BlockSize}: choose another type for it.");
    }
}
