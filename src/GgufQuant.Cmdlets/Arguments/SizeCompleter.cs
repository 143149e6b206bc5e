using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace GgufQuant.Commands;

/// <summary>Completes the sizes that memories and files usually have.</summary>
public sealed class SizeCompleter : IArgumentCompleter
{
    private static readonly string[] s_sizes =
        ["256MB", "512MB", "1GB", "2GB", "4GB", "6GB", "8GB", "12GB", "16GB", "24GB", "32GB", "48GB", "64GB", "96GB", "128GB"];

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        from size in s_sizes
        where size.StartsWith(wordToComplete, StringComparison.OrdinalIgnoreCase)
        select new CompletionResult(size, size, CompletionResultType.ParameterValue, $"{LanguagePrimitives.ConvertTo<long>(size):N0} bytes");
}
