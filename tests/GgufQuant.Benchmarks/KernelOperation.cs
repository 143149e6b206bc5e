using GgufQuant.Formats;
using GgufQuant.Reference;

namespace GgufQuant.Benchmarks;

/// <summary>What a kernel does.</summary>
public enum KernelWork
{
    Quantize,
    QuantizeWithImportance,
    Dequantize,
}

/// <summary>One kernel: a type and an operation.</summary>
public sealed record KernelOperation(BlockFormat Format, KernelWork Work)
{
    /// <summary>The operations that both a format and the reference support.</summary>
    public static IEnumerable<KernelOperation> Of(BlockFormat format)
    {
        // Copying floats to floats measures nothing.
        if (format.Type == GgmlType.F32)
            yield break;
        if (format.CanQuantize && format.Importance != ImatrixSupport.Required)
            yield return new(format, KernelWork.Quantize);
        if (format.CanQuantize && format.Importance != ImatrixSupport.Ignored)
            yield return new(format, KernelWork.QuantizeWithImportance);
        if (ReferenceCodec.Describe(format.Type).HasToFloat)
            yield return new(format, KernelWork.Dequantize);
    }

    /// <summary>Runs our kernel once over the input.</summary>
    public void Run(KernelInput input)
    {
        if (Work == KernelWork.Dequantize)
            Format.Dequantize(input.Blocks, input.Output.Span);
        else
            Format.Quantize(input.Weights.Span, KernelInput.RowLength, ImportanceOf(input), input.Blocks);
    }

    /// <summary>Runs the reference's kernel once over the input.</summary>
    public void RunReference(KernelInput input)
    {
        if (Work == KernelWork.Dequantize)
            ReferenceCodec.Dequantize(Format.Type, input.Blocks, input.Output.Span);
        else
            ReferenceCodec.Quantize(Format.Type, input.Weights.Span, KernelInput.RowLength, ImportanceOf(input), input.Blocks);
    }

    /// <inheritdoc/>
    public override string ToString() => Work switch
    {
        KernelWork.Quantize => $"{Format} quantize",
        KernelWork.QuantizeWithImportance => $"{Format} quantize with importance",
        _ => $"{Format} dequantize",
    };

    private float[] ImportanceOf(KernelInput input) => Work == KernelWork.QuantizeWithImportance ? input.Importance : [];
}
