using System.Management.Automation;
using GgufQuant.Commands;

namespace GgufQuant.Cmdlets.Tests;

public class DeviceTests
{
    [Fact]
    public void A_device_that_is_not_there_is_an_error_that_says_so()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized $sample Q8_0 -Destination . -Device Cuda:99");
        Assert.Equal("DeviceUnavailable,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.Contains("Cuda:99", error.Exception.Message);
        Assert.Empty(Directory.GetFileSystemEntries(session.Folder.Path));
    }

    [Fact]
    public void What_is_no_device_is_refused_in_words()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized $sample Q8_0 -Destination . -Device Vulkan");
        Assert.Contains("'Vulkan' is not a device: say Auto, Cpu, Cuda, Cuda:0, OpenCL or OpenCL:0.", error.Exception.Message);
    }

    [Fact]
    public void The_result_says_what_quantized_it()
    {
        using PowerShellSession session = PowerShellSession.Start();
        QuantizedFile file = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q8_0 -Destination . -Device cpu");
        Assert.NotEmpty(file.Device);
        Assert.Equal(1, file.DeviceShare);
    }

    [Fact]
    public void Devices_complete()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal("Auto", Assert.Single(session.Complete("ConvertTo-Quantized x.gguf -Type Q8_0 -Device A")).CompletionText);
    }
}
