using System.Management.Automation;
using GgufQuant.Gpu;

namespace GgufQuant.Commands;

/// <summary>Lists the devices that can quantize on this machine, and why others cannot.</summary>
[Cmdlet(VerbsCommon.Get, "QuantDevice")]
[OutputType(typeof(ComputeDevice))]
public sealed class GetQuantDeviceCommand : StoppableCommand
{
    /// <inheritdoc/>
    protected override void EndProcessing() => WriteObject(
        RunInBackground(
            "Trying the devices of this machine", (progress, token) => DeviceCatalog.Try(progress, token)),
        enumerateCollection: true);
}
