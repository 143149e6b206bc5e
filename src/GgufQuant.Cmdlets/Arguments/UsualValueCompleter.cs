using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace GgufQuant.Commands;

/// <summary>Completes the values that a parameter usually has.</summary>
public sealed class UsualValueCompleter : IArgumentCompleter
{
    private static readonly Dictionary<string, string[]> s_values = new()
    {
        ["BatchSize"] = ["128", "256", "512", "1024", "2048"],
        ["CovarianceWidth"] = ["256", "512", "1024", "2048", "4096", "8192"],
        ["Reserve"] = ["0%", "5%", "10%", "20%", "512MB", "1GB", "2GB"],
    };

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        from value in s_values[parameterName]
        where value.StartsWith(wordToComplete, StringComparison.OrdinalIgnoreCase)
        select new CompletionResult(value, value, CompletionResultType.ParameterValue, value);
}
