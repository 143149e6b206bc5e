using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Completes common context lengths, and the model's training context.</summary>
public sealed class ContextLengthCompleter : ModelCompleter
{
    private static readonly long[] s_usual = [2048, 4096, 8192, 16384, 32768, 65536, 131072];

    /// <inheritdoc/>
    public override IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        CompletionResult[] ofModel = [.. base.CompleteArgument(commandName, parameterName, wordToComplete, commandAst, fakeBoundParameters)];
        return ofModel.Length > 0 ? ofModel : Matches(wordToComplete, s_usual.Select(tokens => Item(tokens)));
    }

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, string ToolTip)> Names(GgufFile model)
    {
        long? trained = ModelInfo.Read(model).ContextLength;
        IEnumerable<(string, string)> usual = s_usual.Where(tokens => tokens != trained).Select(tokens => Item(tokens));
        return trained is long length ? usual.Prepend(Item(length, ", what the model was trained for")) : usual;
    }

    private static (string Name, string ToolTip) Item(long tokens, string note = "") =>
        (tokens.ToString(CultureInfo.InvariantCulture), $"{tokens:N0} tokens{note}");
}
