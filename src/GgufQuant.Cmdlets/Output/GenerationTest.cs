using GgufQuant.Evaluation.Generation;
using GgufQuant.Formats;

namespace GgufQuant.Commands;

/// <summary>How a quantized model continues a prompt, beside how its reference does.</summary>
public sealed class GenerationTest
{
    internal GenerationTest(string reference, string path, FileType? type, GenerationComparison comparison)
    {
        Path = path;
        Reference = reference;
        Type = type;
        Comparison = comparison;
    }

    /// <summary>The full path of the model.</summary>
    public string Path { get; }

    /// <summary>The full path of the model it was compared with.</summary>
    public string Reference { get; }

    /// <summary>The file type; null if the file does not tell.</summary>
    public FileType? Type { get; }

    /// <summary>The prompt.</summary>
    public string Prompt => Comparison.Prompt;

    /// <summary>How the reference continues it.</summary>
    public string ReferenceText => Comparison.Reference.Text;

    /// <summary>How the model continues it.</summary>
    public string Text => Comparison.Candidate.Text;

    /// <summary>Tokens of the continuation.</summary>
    public int Tokens => Comparison.Candidate.Tokens.Count;

    /// <summary>Tokens with which both continuations begin alike.</summary>
    public int AgreeingTokens => Comparison.AgreeingTokens;

    /// <summary>Whether both continuations are the same.</summary>
    public bool IsIdentical => Comparison.IsIdentical;

    /// <summary>Whether the model loops where the reference does not.</summary>
    public bool IsDegenerate => Comparison.IsDegenerate;

    /// <summary>Prompt tokens evaluated a second.</summary>
    public double PromptTokensPerSecond => Comparison.Candidate.PromptTokensPerSecond;

    /// <summary>Tokens generated a second.</summary>
    public double TokensPerSecond => Comparison.Candidate.TokensPerSecond;

    /// <summary>Everything measured, signs of repetition among it.</summary>
    public GenerationComparison Comparison { get; }

    /// <summary>The continuation.</summary>
    public override string ToString() => Text;
}
