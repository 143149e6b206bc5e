using GgufQuant.Evaluation.Generation;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>How a quantized model continues a prompt, compared with its reference.</summary>
public sealed class GgufGeneration
{
    private readonly GenerationComparison _comparison;

    internal GgufGeneration(string reference, string path, FileType? type, GenerationComparison comparison)
    {
        Path = path;
        Reference = reference;
        FileType = type;
        _comparison = comparison;
    }

    /// <summary>The full path of the model.</summary>
    public string Path { get; }

    /// <summary>The full path of the model it was compared with.</summary>
    public string Reference { get; }

    /// <summary>The file type's name: <c>Q4_K_M</c>; null if the file does not say.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>The file type; null if it is unknown.</summary>
    public FileType? FileType { get; }

    /// <summary>The prompt.</summary>
    public string Prompt => _comparison.Prompt;

    /// <summary>The reference's continuation.</summary>
    public string ReferenceText => _comparison.Reference.Text;

    /// <summary>The model's continuation.</summary>
    public string Text => _comparison.Candidate.Text;

    /// <summary>Number of tokens in the continuation.</summary>
    public int Tokens => _comparison.Candidate.Tokens.Count;

    /// <summary>Number of leading tokens on which both continuations agree.</summary>
    public int AgreeingTokens => _comparison.AgreeingTokens;

    /// <summary>Whether the two continuations are identical.</summary>
    public bool IsIdentical => _comparison.IsIdentical;

    /// <summary>Whether the model loops and the reference does not.</summary>
    public bool IsDegenerate => _comparison.IsDegenerate;

    /// <summary>Prompt tokens evaluated per second.</summary>
    public double PromptTokensPerSecond => _comparison.Candidate.PromptTokensPerSecond;

    /// <summary>Tokens generated per second.</summary>
    public double TokensPerSecond => _comparison.Candidate.TokensPerSecond;

    /// <summary>Everything measured, including repetition.</summary>
    public GenerationComparison GetComparison() => _comparison;

    /// <summary>The continuation.</summary>
    public override string ToString() => Text;
}
