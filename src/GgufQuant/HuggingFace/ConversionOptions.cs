using GgufQuant.Formats;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.HuggingFace;

/// <summary>The types that a Hugging Face model can be converted to; <c>--outtype</c> of llama.cpp's converter.</summary>
public enum ConversionType
{
    /// <summary>The type of the model's first matrix if that is BF16 or F16; otherwise F16.</summary>
    Auto,

    /// <summary>Single precision.</summary>
    F32,

    /// <summary>Half precision.</summary>
    F16,

    /// <summary>Brain floating point.</summary>
    BF16,

    /// <summary>Q8_0, embeddings and output included.</summary>
    Q8_0,

    /// <summary>Ternary, 1.69 bits per weight.</summary>
    TQ1_0,

    /// <summary>Ternary, 2.06 bits per weight.</summary>
    TQ2_0,
}

/// <summary>How a Hugging Face model is converted.</summary>
public sealed record ConversionOptions
{
    /// <summary>The type of the weights.</summary>
    public ConversionType Type { get; init; }

    /// <summary>The model's name; null for the folder's.</summary>
    public string? ModelName { get; init; }

    /// <summary>A JSON file of <c>general.*</c> keys that override the folder's.</summary>
    public string? MetadataPath { get; init; }

    /// <summary>The name of the pre-tokenizer; null to recognize it by the vocabulary.</summary>
    public string? PreTokenizer { get; init; }

    /// <summary>The names of pre-tokenizers that llama.cpp's converter knows.</summary>
    public static IReadOnlyList<string> KnownPreTokenizers => PreTokenizerNames.All;

    /// <summary>Writes the vocabulary without tensors.</summary>
    public bool VocabularyOnly { get; init; }

    /// <summary>Converts FP8 weights to Q8_0, whatever the requested type.</summary>
    public bool Fp8AsQ8 { get; init; }

    /// <summary>Fills in transformers' defaults for values that config.json lacks.</summary>
    internal bool UsesDefaults { get; init; } = true;

    /// <summary>The file type for a conversion type; null for <see cref="ConversionType.Auto"/>.</summary>
    internal static FileType? FileTypeOf(ConversionType type) => type switch
    {
        ConversionType.F32 => FileType.F32,
        ConversionType.F16 => FileType.F16,
        ConversionType.BF16 => FileType.BF16,
        ConversionType.Q8_0 => FileType.Q8_0,
        ConversionType.TQ1_0 => FileType.TQ1_0,
        ConversionType.TQ2_0 => FileType.TQ2_0,
        _ => null,
    };
}
