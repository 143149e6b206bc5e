using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Completes rules such as <c>attn_v=q6_K</c>: first what the names of tensors have in common, then the type.</summary>
public sealed class TensorRuleCompleter : ModelCompleter
{
    /// <inheritdoc/>
    public override IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string word = wordToComplete.Trim('\'', '"');
        int sign = word.LastIndexOf('=');
        if (sign < 0)
            return base.CompleteArgument(commandName, parameterName, wordToComplete, commandAst, fakeBoundParameters);
        string pattern = word[..(sign + 1)];
        return from type in new TensorTypeCompleter().CompleteArgument(commandName, parameterName, word[(sign + 1)..], commandAst, fakeBoundParameters)
               select new CompletionResult($"'{pattern}{type.CompletionText}'", pattern + type.ListItemText, type.ResultType, type.ToolTip);
    }

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, string ToolTip)> Names(GgufFile model) =>
        TensorPartCompleter.PartsOf(model).Select(part => ($"{part.Name}=", part.ToolTip));
}
