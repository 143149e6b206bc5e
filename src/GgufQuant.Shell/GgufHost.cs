using System.Globalization;
using System.Management.Automation.Host;
using System.Reflection;

namespace GgufQuant.Shell;

/// <summary>The host that the engine sees.</summary>
internal sealed class GgufHost(ShellTerminal terminal) : PSHost
{
    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override string Name => "GgufQuant.Shell";

    public override Version Version { get; } = Assembly.GetExecutingAssembly().GetName().Version!;

    public override PSHostUserInterface UI { get; } = new GgufHostUserInterface(terminal);

    public override CultureInfo CurrentCulture { get; } = CultureInfo.CurrentCulture;

    public override CultureInfo CurrentUICulture { get; } = CultureInfo.CurrentUICulture;

    /// <summary>The code of the last <c>exit</c>; null while none has run.</summary>
    public int? ExitCode { get; private set; }

    public override void SetShouldExit(int exitCode) => ExitCode = exitCode;

    public override void EnterNestedPrompt() =>
        throw new HostException("GgufQuant.Shell has no nested prompt: answer the question, or press Ctrl+C.");

    public override void ExitNestedPrompt() =>
        throw new HostException("GgufQuant.Shell has no nested prompt to leave.");

    public override void NotifyBeginApplication() => terminal.ClearProgress();

    public override void NotifyEndApplication()
    {
    }
}
