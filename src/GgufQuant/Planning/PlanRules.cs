using GgufQuant.Formats;

namespace GgufQuant.Planning;

/// <summary>What a plan must not ask for.</summary>
internal static class PlanRules
{
    /// <summary>Refuses a tensor that cannot become what is planned.</summary>
    /// <exception cref="QuantizationException">The message says why and what to do.</exception>
    internal static void Check(PlannedTensor tensor, QuantizationOptions options)
    {
        if (tensor.IsCopied)
            return;
        BlockFormat source = tensor.Source.Format;
        if (!source.IsQuantized && source.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            throw new QuantizationException($"Tensor '{tensor.Name}' holds {source}, which cannot be made into {tensor.Format}.");
        if (source.IsQuantized && !options.AllowRequantize)
        {
            throw new QuantizationException(
                $"Tensor '{tensor.Name}' is quantized already, to {source}; quantizing it again to {tensor.Format} loses more than quantizing the original would. "
                + "Start from the F16, BF16 or F32 model, or allow requantizing.")
            {
                Remedy = QuantizationRemedy.AllowRequantize,
            };
        }
        if (tensor.Source.RowLength % tensor.Format.BlockSize != 0)
            throw new QuantizationException($"Tensor '{tensor.Name}' has rows of {tensor.Source.RowLength} weights, which are not whole {tensor.Format} blocks of {tensor.Format.BlockSize}: choose another type for it.");
    }
}
