using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Gpu;

namespace GgufQuant.Commands;

/// <summary>Completes the devices of this machine; the tooltip gives their names or why they cannot be used.</summary>
public sealed class DeviceCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        WildcardPattern pattern = new(wordToComplete.Trim('\'', '"') + "*", WildcardOptions.IgnoreCase);
        IEnumerable<(string Id, string Tip)> devices = DeviceCatalog.List().Select(device => (device.Id, device.UnavailableReason ?? device.Name));
        return from device in devices.Prepend((Id: "Auto", Tip: "A graphics card if it saves time, otherwise the processor"))
               where pattern.IsMatch(device.Id)
               select new CompletionResult(device.Id, device.Id, CompletionResultType.ParameterValue, device.Tip);
    }
}
