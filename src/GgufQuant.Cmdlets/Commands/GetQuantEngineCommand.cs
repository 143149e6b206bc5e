using System.Management.Automation;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Commands;

/// <summary>Lists the engines that can run models, and why others cannot.</summary>
[Cmdlet(VerbsCommon.Get, "QuantEngine")]
[OutputType(typeof(InstalledEngine))]
public sealed class GetQuantEngineCommand : StoppableCommand
{
    /// <summary>Names; wildcards allowed.</summary>
    [Parameter(Position = 0, HelpMessage = "Names of engines; wildcards are allowed.")]
    [ArgumentCompleter(typeof(EngineCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        string folder = EngineFolder.Of(this);
        IReadOnlyList<InstalledEngine> engines = RunInBackground("Looking for engines", (_, _) => EngineCatalog.Find(folder));
        foreach (string name in Name)
        {
            WildcardPattern pattern = new(name, WildcardOptions.IgnoreCase);
            InstalledEngine[] found = [.. engines.Where(engine => pattern.IsMatch(engine.Name))];
            if (found.Length == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
                WriteError(new(new EngineMissingException($"There is no engine '{name}'."), "EngineNotFound", ErrorCategory.ObjectNotFound, name));
            WriteObject(found, enumerateCollection: true);
        }
    }
}
