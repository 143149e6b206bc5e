using System.Runtime.InteropServices;

namespace GgufQuant.Shell;

/// <summary>Turns Ctrl+C and a request to terminate into a stop of the running pipeline, so that cmdlets clean up.</summary>
/// <remarks>A second signal while the first is being answered ends the process at once.</remarks>
internal sealed class StopSignals : IDisposable
{
    private readonly Func<bool> _stop;
    private readonly PosixSignalRegistration[] _registrations;

    /// <param name="stop">Starts a stop without waiting for it; false when nothing runs or it is stopping already.</param>
    public StopSignals(Func<bool> stop)
    {
        _stop = stop;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Answer(context, 2)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Answer(context, 15)),
        ];
    }

    /// <summary>The number of the signal that stopped a pipeline; null while none has.</summary>
    public int? Received { get; private set; }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
    }

    private void Answer(PosixSignalContext context, int number)
    {
        context.Cancel = _stop();
        if (context.Cancel)
            Received = number;
    }
}
