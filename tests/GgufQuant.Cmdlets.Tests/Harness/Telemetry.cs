using System.Runtime.CompilerServices;

namespace GgufQuant.Cmdlets.Tests;

internal static class Telemetry
{
    // The engine reads this once, before its first command.
    [ModuleInitializer]
    internal static void OptOut() => Environment.SetEnvironmentVariable("POWERSHELL_TELEMETRY_OPTOUT", "1");
}
