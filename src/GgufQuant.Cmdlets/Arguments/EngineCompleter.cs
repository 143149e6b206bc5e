using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Commands;

/// <summary>Completes the installed engines; the tooltip gives their version or why they cannot run here.</summary>
public sealed class EngineCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        using PowerShell shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        PSModuleInfo? module = shell.AddCommand("Get-Command").AddArgument(commandName).Invoke<CommandInfo>().FirstOrDefault()?.Module;
        WildcardPattern pattern = new(wordToComplete.Trim('\'', '"') + "*", WildcardOptions.IgnoreCase);
        return from engine in EngineCatalog.Find(EngineFolder.In(module))
               where pattern.IsMatch(engine.Name)
               select new CompletionResult(engine.Name, engine.Name, CompletionResultType.ParameterValue, engine.UnavailableReason ?? engine.Version);
    }
}
