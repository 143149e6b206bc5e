using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Catalog;

namespace GgufQuant.Commands;

/// <summary>Completes the names of file types; the tooltip says what each is good for.</summary>
public sealed class QuantNameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        WildcardPattern pattern = new(wordToComplete.Trim('\'', '"') + "*", WildcardOptions.IgnoreCase);
        return from type in QuantCatalog.All
               where pattern.IsMatch(type.Name)
               select new CompletionResult(
                   type.Name,
                   type.Name,
                   CompletionResultType.ParameterValue,
                   $"{Formatting.Bits(type.BitsPerWeight)} bits per weight. {type.Summary}");
    }
}
