using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Completes the names of a model's tensors from the file that <c>-Path</c> names.</summary>
public sealed class TensorNameCompleter : IArgumentCompleter
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
                .. from tensor in model.Tensors
                   where pattern.IsMatch(tensor.Name)
                   select new CompletionResult(tensor.Name, tensor.Name, CompletionResultType.ParameterValue, tensor.ToString()),
            ];
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception) || exception is RuntimeException)
        {
            // A command line that is still being typed names files that do not exist.
            return [];
        }
    }
}
