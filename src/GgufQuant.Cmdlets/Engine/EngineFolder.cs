using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>The folder of the module's own engine.</summary>
internal static class EngineFolder
{
    /// <summary>The full path of the folder. It is relative to the module's folder, as the assemblies need not be next to the manifest.</summary>
    internal static string Of(PSCmdlet command) => In(command.MyInvocation.MyCommand.Module);

    /// <summary>The same for a loaded module.</summary>
    internal static string In(PSModuleInfo? module) => Path.Combine(module?.ModuleBase ?? "", "module", "engine");
}
