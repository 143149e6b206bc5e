using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace GgufQuant.Commands;

/// <summary>Completes an argument with names from the file given by <c>-Path</c>, or by another parameter.</summary>
public abstract class FileCompleter : IArgumentCompleter
{
    private static readonly ScriptBlock s_resolve =
        ScriptBlock.Create("$ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($args[0])");

    /// <inheritdoc/>
    public virtual IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        if ((fakeBoundParameters["Path"] ?? fakeBoundParameters["LiteralPath"]) is not object path)
            return [];
        try
        {
            object first = path is IList { Count: > 0 } several ? several[0]! : path;
            return Matches(wordToComplete, [.. Names((string)s_resolve.Invoke($"{first}")[0].BaseObject)]);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception) || exception is RuntimeException)
        {
            // A command line that is still being typed names files that do not exist.
            return [];
        }
    }

    /// <summary>The names that contain a word, those that begin with it first.</summary>
    protected static IEnumerable<CompletionResult> Matches(string word, IEnumerable<(string Name, string ToolTip)> names)
    {
        string text = word.Trim('\'', '"');
        WildcardPattern start = new(text + "*", WildcardOptions.IgnoreCase);
        WildcardPattern anywhere = new($"*{text}*", WildcardOptions.IgnoreCase);
        return from item in names
               where anywhere.IsMatch(item.Name)
               orderby start.IsMatch(item.Name) descending
               select new CompletionResult(item.Name, item.Name, CompletionResultType.ParameterValue, item.ToolTip);
    }

    /// <summary>The names to choose from, and what each one stands for.</summary>
    /// <param name="path">The full path of the file.</param>
    protected abstract IEnumerable<(string Name, string ToolTip)> Names(string path);
}
