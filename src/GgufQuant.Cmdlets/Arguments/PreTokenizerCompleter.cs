using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.HuggingFace;

namespace GgufQuant.Commands;

/// <summary>Completes the names of pre-tokenizers that llama.cpp's converter knows.</summary>
public sealed class PreTokenizerCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        from name in ConversionOptions.KnownPreTokenizers
        where name.StartsWith(wordToComplete.Trim('\'', '"'), StringComparison.OrdinalIgnoreCase)
        select new CompletionResult(name, name, CompletionResultType.ParameterValue, name);
}
