using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Advice;

/// <summary>Whether a model would run in a type within a memory budget, and how good it should be.</summary>
/// <param name="Type">The type.</param>
/// <param name="FileSize">Bytes of the file.</param>
/// <param name="Memory">What running it takes.</param>
/// <param name="Budget">Bytes of memory available: the host's where the model is divided, the card's where it is to be whole on it.</param>
/// <param name="Quality">How much quality it is expected to lose.</param>
public sealed record QuantAdvice(QuantType Type, long FileSize, MemoryEstimate Memory, long Budget, ExpectedQuality Quality)
{
    /// <summary>The default of <see cref="Reserve"/>, a share of the budget.</summary>
    internal const double DefaultReserve = 0.1;

    /// <summary>Bytes that should stay free: the estimate leaves out the operating system and the program.</summary>
    public required long Reserve { get; init; }

    /// <summary>Whether the budget is that of the graphics card, which all layers are to be on.</summary>
    public bool IsForCard { get; init; }

    /// <summary>Bytes of memory to spare; negative if it does not fit.</summary>
    public long Margin => Budget - (Memory.Placement is not { } placement ? Memory.Total : IsForCard ? placement.Gpu.Total : placement.Host.Total);

    /// <summary>How well it fits.</summary>
    public MemoryFit Fit => Margin < 0 || (!IsForCard && Memory.Placement is { Fits: false }) ? MemoryFit.TooLarge
        : Margin < Reserve ? MemoryFit.Tight : MemoryFit.Comfortable;

    /// <summary>Whether the type is not a quantization.</summary>
    public bool IsUnquantized => IsUnquantizedType(Type.Type);

    /// <summary>Whether this is the recommended type.</summary>
    public bool IsRecommended { get; init; }

    /// <summary>Of the recommended type: the unquantized one that would fit as comfortably; null if there is none.</summary>
    public QuantAdvice? Unquantized { get; init; }

    /// <summary>Of a recommended type that is not on the card as a whole: the best quantization that would be; null if there is none.</summary>
    public QuantAdvice? WholeOnCard { get; init; }

    /// <summary>Why it is recommended, or what speaks against it, in a sentence.</summary>
    public string Reason
    {
        get
        {
            string memory = Parts;
            string budget = Bytes(Budget);
            string unquantized = Unquantized is null || IsUnquantized
                ? ""
                : $" {Unquantized.Type} fits too: it predicts hardly better, with {Bytes(Unquantized.Memory.Total)} instead of {Bytes(Memory.Total)}.";
            string imatrix = Type.Imatrix == ImatrixAdvice.Required ? " It needs the importance matrix." : "";
            return Fit switch
            {
                MemoryFit.TooLarge when Margin >= 0 => $"The buffers alone take {Bytes(Memory.Placement!.Gpu.Total)} of the card's {Bytes(Memory.Placement.GpuMemory)}.",
                MemoryFit.TooLarge => $"{memory} exceed {budget} by {Bytes(-Margin)}.",
                MemoryFit.Comfortable when IsRecommended =>
                    $"{Type} is the best {Kind} that leaves {Bytes(Reserve)} of {budget} free: {memory} leave {Bytes(Margin)}.{unquantized}{Division}{imatrix}",
                MemoryFit.Tight when IsRecommended =>
                    $"{Type} is the best {Kind} that fits, though none leaves {Bytes(Reserve)} of {budget} free: {memory} leave only {Bytes(Margin)}.{Division}{imatrix}",
                MemoryFit.Tight => $"{memory} leave only {Bytes(Margin)} of {budget} free.{Division}{imatrix}",
                _ => $"{memory} leave {Bytes(Margin)} of {budget} free.{Division}{imatrix}",
            };
        }
    }

    internal static bool IsUnquantizedType(FileType type) => type is FileType.F32 or FileType.F16 or FileType.BF16;

    private string Kind => IsUnquantized ? "type" : "quantization";

    private string Parts
    {
        get
        {
            MemoryShare share = Memory.Placement is not { } placement ? new(Memory.Weights, Memory.Cache, Memory.State, Memory.Compute)
                : IsForCard ? placement.Gpu : placement.Host;
            string parts = $"{Bytes(share.Weights)} of weights, {Bytes(share.Cache + share.State)} of context and {Bytes(share.Compute)} of buffers";
            return Memory.Placement is null ? parts : $"{parts} on the {(IsForCard ? "card" : "host")}";
        }
    }

    private string Division
    {
        get
        {
            if (Memory.Placement is not { } placement)
                return "";
            string whole = WholeOnCard is null ? "" : $" {WholeOnCard.Type} would be on the card as a whole, and faster.";
            return $" llama.cpp's programs want {placement.Arguments}.{whole}";
        }
    }

    private static string Bytes(long bytes)
    {
        (double size, string unit) = NumberText.InBinaryUnit(bytes);
        return $"{size:0.##} {unit}";
    }
}
