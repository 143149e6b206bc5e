using GgufQuant.Commands;

namespace GgufQuant.Cmdlets.Tests;

public class StopTests
{
    [Fact]
    public void A_conversion_ends_at_once_and_leaves_nothing_behind()
    {
        using PowerShellSession session = PowerShellSession.Start();
        TimeSpan taken = session.Stop(
            "ConvertTo-Quantized $sample Q2_K, Q3_K_M, Q4_K_M, Q5_K_M, IQ4_XS, IQ3_S -Threads 1 -Destination .",
            when: () => Directory.GetFileSystemEntries(session.Folder.Path).Length > 0);
        Assert.InRange(taken, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.All(Directory.GetFileSystemEntries(session.Folder.Path), entry => Assert.Matches(@"novels-6m-\w+\.gguf$", entry));
    }

    [Fact]
    public void An_interrupted_conversion_goes_on_where_it_stopped()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Stop(
            "ConvertTo-Quantized $sample IQ3_S -Threads 1 -Device Cpu -Destination r.gguf -Resume",
            when: () => Directory.GetFileSystemEntries(session.Folder.Path).Length > 0);
        Assert.NotEmpty(Directory.GetFileSystemEntries(session.Folder.Path));
        Assert.False(File.Exists(session.Folder.File("r.gguf")));
        QuantizedFile resumed = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample IQ3_S -Destination r.gguf -Resume");
        Assert.InRange(resumed.TensorsReused, 0, 56);
        session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample IQ3_S -Destination whole.gguf");
        Assert.Equal(["r.gguf", "whole.gguf"], Directory.GetFileSystemEntries(session.Folder.Path).Select(Path.GetFileName).Order());
        Assert.Equal(File.ReadAllBytes(session.Folder.File("whole.gguf")), File.ReadAllBytes(resumed.Path));
    }

    [Fact]
    public void Progress_tells_the_tensor_and_ends()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Render("ConvertTo-Quantized $sample Q2_K, IQ4_XS, IQ3_S -Threads 1 -Destination .");
        Assert.Contains(session.Host.Progress, record => record.Activity.StartsWith("Quantizing novels-6m-f16.gguf to ") && record.StatusDescription.Contains("M/s"));
        Assert.Equal(System.Management.Automation.ProgressRecordType.Completed, session.Host.Progress[^1].RecordType);
    }
}
