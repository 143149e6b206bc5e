using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Where the module's own engine is.</summary>
internal static class EngineFolder
{
    /// <summary>The full path of the folder. The module's assemblies need not be beside its manifest: the folder of the module is.</summary>
    internal static string Of(PSCmdlet command) => In(command.MyInvocation.MyCommand.Module);

    /// <summary>The same of a loaded module.</summary>
    internal static string In(PSModuleInfo? module) => Path.Combine(module?.ModuleBase ?? "", "module", "engine");
}
