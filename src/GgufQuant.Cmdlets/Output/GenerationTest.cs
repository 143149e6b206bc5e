using GgufQuant.Evaluation.Generation;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>How a quantized model continues a prompt, beside how its reference does.</summary>
public sealed class GenerationTest
{
    private readonly GenerationComparison _comparison;

    internal GenerationTest(string reference, string path, FileType? type, GenerationComparison comparison)
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

    /// <summary>The file type's name: <c>Q4_K_M</c>; null if the file does not tell.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>The file type; null if the file does not tell.</summary>
    public FileType? FileType { get; }

    /// <summary>The prompt.</summary>
    public string Prompt => _comparison.Prompt;

    /// <summary>How the reference continues it.</summary>
    public string ReferenceText => _comparison.Reference.Text;

    /// <summary>How the model continues it.</summary>
    public string Text => _comparison.Candidate.Text;

    /// <summary>Tokens of the continuation.</summary>
    public int Tokens => _comparison.Candidate.Tokens.Count;

    /// <summary>Tokens with which both continuations begin alike.</summary>
    public int AgreeingTokens => _comparison.AgreeingTokens;

    /// <summary>Whether both continuations are the same.</summary>
    public bool IsIdentical => _comparison.IsIdentical;

    /// <summary>Whether the model loops where the reference does not.</summary>
    public bool IsDegenerate => _comparison.IsDegenerate;

    /// <summary>Prompt tokens evaluated a second.</summary>
    public double PromptTokensPerSecond => _comparison.Candidate.PromptTokensPerSecond;

    /// <summary>Tokens generated a second.</summary>
    public double TokensPerSecond => _comparison.Candidate.TokensPerSecond;

    /// <summary>Everything measured, signs of repetition among it.</summary>
    public GenerationComparison GetComparison() => _comparison;

    /// <summary>The continuation.</summary>
    public override string ToString() => Text;
}
