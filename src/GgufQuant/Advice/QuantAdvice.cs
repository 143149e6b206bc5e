using System.Globalization;
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
    /// <summary>Share of the budget that should stay free: the estimate leaves out the operating system and the program.</summary>
    public const double ComfortableShare = 0.1;

    /// <summary>Bytes of memory to spare; negative if it does not fit.</summary>
    public long Margin => Budget - Memory.Total;

    /// <summary>How well it fits.</summary>
    public MemoryFit Fit => Margin < 0 ? MemoryFit.TooLarge : Margin < ComfortableShare * Budget ? MemoryFit.Tight : MemoryFit.Comfortable;

    /// <summary>Whether this is the recommended type.</summary>
    public bool IsRecommended { get; init; }

    /// <summary>Why it is recommended, or what speaks against it, in a sentence.</summary>
    public string Reason
    {
        get
        {
            string memory = $"{Bytes(Memory.Weights)} of weights, {Bytes(Memory.Cache)} of context and {Bytes(Memory.Compute)} of buffers";
            string budget = Bytes(Budget);
            string imatrix = Type.Imatrix == ImatrixAdvice.Required ? " It needs the importance matrix." : "";
            return Fit switch
            {
                MemoryFit.TooLarge => $"{memory} exceed {budget} by {Bytes(-Margin)}.",
                MemoryFit.Comfortable when IsRecommended =>
                    $"{Type} is the best quantization that leaves a tenth of {budget} free: {memory} leave {Bytes(Margin)}.{imatrix}",
                MemoryFit.Tight when IsRecommended =>
                    $"{Type} is the best quantization that fits, though none leaves a tenth of {budget} free: {memory} leave only {Bytes(Margin)}.{imatrix}",
                MemoryFit.Tight => $"{memory} leave only {Bytes(Margin)} of {budget} free.{imatrix}",
                _ => $"{memory} leave {Bytes(Margin)} of {budget} free.{imatrix}",
            };
        }
    }

    private static string Bytes(long bytes)
    {
        (double size, string unit) = NumberText.InBinaryUnit(bytes);
        return string.Create(CultureInfo.InvariantCulture, $"{size:0.##} {unit}");
    }
}
