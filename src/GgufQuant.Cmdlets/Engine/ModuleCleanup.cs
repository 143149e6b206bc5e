using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Ends the idle engine processes when the module is removed.</summary>
public sealed class ModuleCleanup : IModuleAssemblyCleanup
{
    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo) => EngineSession.EndWaiting();
}
