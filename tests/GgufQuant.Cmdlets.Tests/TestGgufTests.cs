using GgufQuant.Checks;
using GgufQuant.Commands;

namespace GgufQuant.Cmdlets.Tests;

public class TestGgufTests
{
    [Fact]
    public void A_sound_file_is_true_and_a_cut_one_false()
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllBytes(session.Folder.File("cut.gguf"), File.ReadAllBytes(RepositoryPaths.SampleModel)[..1_000_000]);
        Assert.Equal([true, false], session.Invoke<bool>("Test-Gguf $sample, cut.gguf"));
        Assert.Empty(session.Errors);
    }

    [Fact]
    public void Detailed_lists_what_is_wrong()
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllBytes(session.Folder.File("cut.gguf"), File.ReadAllBytes(RepositoryPaths.SampleModel)[..1_000_000]);
        CheckFinding finding = session.InvokeOne<CheckFinding>("Test-Gguf cut.gguf -Detailed");
        Assert.Equal(FindingSeverity.Error, finding.Severity);
        Assert.Equal(session.Folder.File("cut.gguf"), finding.Path);
    }

    [Fact]
    public void A_weight_that_is_not_a_number_is_found()
    {
        using PowerShellSession session = PowerShellSession.Start();
        byte[] bytes = File.ReadAllBytes(RepositoryPaths.SampleModel);
        bytes[^1] = 0x7f;
        bytes[^2] = 0xff;
        File.WriteAllBytes(session.Folder.File("nan.gguf"), bytes);
        Assert.False(session.InvokeOne<bool>("Test-Gguf nan.gguf"));
        Golden.Verify("CheckFinding", session.Render("Test-Gguf nan.gguf -Detailed"));
    }
}
