using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Completes an argument with names from the model given by <c>-Path</c>.</summary>
public abstract class ModelCompleter : IArgumentCompleter
{
    private static readonly ScriptBlock s_resolve =
        ScriptBlock.Create("$ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($args[0])");

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        if ((fakeBoundParameters["Path"] ?? fakeBoundParameters["LiteralPath"]) is not object path)
            return [];
        try
        {
            using GgufFile model = GgufFile.Open((string)s_resolve.Invoke($"{path}")[0].BaseObject);
            WildcardPattern pattern = new(wordToComplete.Trim('\'', '"') + "*", WildcardOptions.IgnoreCase);
            return
            [
                .. from item in Names(model)
                   where pattern.IsMatch(item.Name)
                   select new CompletionResult(item.Name, item.Name, CompletionResultType.ParameterValue, item.ToolTip),
            ];
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception) || exception is RuntimeException)
        {
            // A command line that is still being typed names files that do not exist.
            return [];
        }
    }

    /// <summary>The names to choose from, and what each one stands for.</summary>
    protected abstract IEnumerable<(string Name, string ToolTip)> Names(GgufFile model);
}
