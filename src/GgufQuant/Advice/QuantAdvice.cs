using GgufQuant.Catalog;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Advice;

/// <summary>Whether a model would run in a type within a memory budget, and how good it should be.</summary>
/// <param name="Type">The type.</param>
/// <param name="FileSize">Bytes of the file.</param>
/// <param name="Memory">What running it takes.</param>
/// <param name="Budget">Bytes of memory available.</param>
/// <param name="Quality">How much quality it is expected to lose.</param>
public sealed record QuantAdvice(QuantType Type, long FileSize, MemoryEstimate Memory, long Budget, ExpectedQuality Quality)
{
    /// <summary>The default of <see cref="Reserve"/>, a share of the budget.</summary>
    internal const double DefaultReserve = 0.1;

    /// <summary>Bytes that should stay free: the estimate leaves out the operating system and the program.</summary>
    public required long Reserve { get; init; }

    /// <summary>Bytes of memory to spare; negative if it does not fit.</summary>
    public long Margin => Budget - Memory.Total;

    /// <summary>How well it fits.</summary>
    public MemoryFit Fit => Margin < 0 ? MemoryFit.TooLarge : Margin < Reserve ? MemoryFit.Tight : MemoryFit.Comfortable;

    /// <summary>Whether this is the recommended type.</summary>
    public bool IsRecommended { get; init; }

    /// <summary>Of the recommended type: the unquantized one that would fit as comfortably; null if there is none.</summary>
    public QuantAdvice? Unquantized { get; init; }

    /// <summary>Why it is recommended, or what speaks against it, in a sentence.</summary>
    public string Reason
    {
        get
        {
            string memory = $"{Bytes(Memory.Weights)} of weights, {Bytes(Memory.Cache + Memory.State)} of context and {Bytes(Memory.Compute)} of buffers";
            string budget = Bytes(Budget);
            string unquantized = Unquantized is null
                ? ""
                : $" {Unquantized.Type} fits too: it predicts hardly better, with {Bytes(Unquantized.Memory.Total)} instead of {Bytes(Memory.Total)}.";
            string imatrix = Type.Imatrix == ImatrixAdvice.Required ? " It needs the importance matrix." : "";
            return Fit switch
            {
                MemoryFit.TooLarge => $"{memory} exceed {budget} by {Bytes(-Margin)}.",
                MemoryFit.Comfortable when IsRecommended =>
                    $"{Type} is the best quantization that leaves {Bytes(Reserve)} of {budget} free: {memory} leave {Bytes(Margin)}.{unquantized}{imatrix}",
                MemoryFit.Tight when IsRecommended =>
                    $"{Type} is the best quantization that fits, though none leaves {Bytes(Reserve)} of {budget} free: {memory} leave only {Bytes(Margin)}.{imatrix}",
                MemoryFit.Tight => $"{memory} leave only {Bytes(Margin)} of {budget} free.{imatrix}",
                _ => $"{memory} leave {Bytes(Margin)} of {budget} free.{imatrix}",
            };
        }
    }

    private static string Bytes(long bytes)
    {
        (double size, string unit) = NumberText.InBinaryUnit(bytes);
        return $"{size:0.##} {unit}";
    }
}
