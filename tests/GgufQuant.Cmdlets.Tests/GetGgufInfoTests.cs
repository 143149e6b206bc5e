using System.Management.Automation;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Cmdlets.Tests;

public class GetGgufInfoTests
{
    [Fact]
    public void A_model_is_told_from_its_header()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ModelInfo info = session.InvokeOne<ModelInfo>("Get-GgufInfo $sample");
        Assert.Equal(RepositoryPaths.SampleModel, info.Path);
        Assert.Equal(("Novels 6M", "llama", FileType.F16), (info.Name, info.Architecture, info.Type));
        Assert.Equal((6, 4, 2, 256, 2048), (info.Layers, info.Heads, info.KeyValueHeads, info.EmbeddingLength, info.Vocabulary));
        Assert.Equal(256, info.ContextLength);
        Assert.Equal(new FileInfo(RepositoryPaths.SampleModel).Length, info.Size);
        Assert.Null(info.Metadata);
    }

    [Fact]
    public void Memory_is_estimated_for_the_context_and_cache_asked_for()
    {
        using PowerShellSession session = PowerShellSession.Start();
        MemoryEstimate plain = session.InvokeOne<ModelInfo>("Get-GgufInfo $sample").MemoryEstimate;
        Assert.Equal((256, CacheType.F16), (plain.ContextLength, plain.CacheType));
        MemoryEstimate asked = session.InvokeOne<ModelInfo>("Get-GgufInfo $sample -ContextLength 1024 -CacheType Q8_0").MemoryEstimate;
        // 6 layers of 2 heads, 64 wide, keys and values: 8.5 bits an element instead of 16.
        Assert.Equal(6 * 2 * 64 * 2 * 256 * 2, plain.Cache);
        Assert.Equal(6 * 2 * 64 * 2 * 1024 * 34 / 32, asked.Cache);
        Assert.Equal(asked.Weights + asked.Cache + asked.Compute, asked.Total);
    }

    [Fact]
    public void Metadata_comes_on_demand()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal("cc0-1.0", session.InvokeOne<string>("(Get-GgufInfo $sample -Metadata).Metadata.'general.license'"));
        Assert.Equal(2048, session.InvokeOne<int>("(Get-GgufInfo $sample -Metadata).Metadata.'tokenizer.ggml.tokens'.Count"));
    }

    [Fact]
    public void One_model_is_a_list()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 110);
        string text = session.Render("Get-GgufInfo $sample");
        Golden.Verify("GgufInfoSole", text.Replace(RepositoryPaths.SampleModel, "<sample>"));
    }

    [Fact]
    public void Several_models_are_a_table()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 120);
        session.Folder.CopySample("b.gguf");
        Golden.Verify("GgufInfoTable", session.Render("Get-GgufInfo $sample, ./*.gguf"));
    }

    [Fact]
    public void Metadata_shows_cut_to_the_line()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 100);
        string text = session.Render("Get-GgufInfo $sample -Metadata");
        string[] lines = text.Split('\n');
        Assert.Contains(lines, line => line.TrimStart().StartsWith("tokenizer.ggml.tokens = 2048 of String: <|endoftext|>, "));
        Assert.All(lines.Where(line => !line.Contains(RepositoryPaths.SampleModel)), line => Assert.InRange(line.Length, 0, 100));
    }

    [Fact]
    public void Wildcards_and_literal_names_find_the_files_they_should()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("a1.gguf");
        session.Folder.CopySample("a2.gguf");
        session.Folder.CopySample("a[1].gguf");
        Assert.Equal(["a1.gguf", "a2.gguf"], Names("Get-GgufInfo a?.gguf"));
        Assert.Equal(["a[1].gguf"], Names("Get-GgufInfo 'a[1].gguf'"));
        Assert.Equal(["a[1].gguf"], Names("Get-GgufInfo -LiteralPath 'a[1].gguf'"));
        Assert.Equal(["a[1].gguf"], Names("Get-GgufInfo 'a[1].gguf' | Get-GgufInfo"));
        Assert.Equal(["a[1].gguf"], Names("[IO.FileInfo]::new(\"$PWD/a[1].gguf\") | Get-GgufInfo"));
        Assert.Equal(["a1.gguf", "a2.gguf", "a[1].gguf"], Names("$ExecutionContext.InvokeProvider.ChildItem.Get('.', $false) | Get-GgufInfo"));
        Assert.Empty(Names("Get-GgufInfo none*.gguf"));

        IEnumerable<string> Names(string script)
        {
            IEnumerable<string> names = session.Invoke<ModelInfo>(script).Select(info => Path.GetFileName(info.Path));
            Assert.Empty(session.Errors);
            return names;
        }
    }

    [Fact]
    public void A_missing_file_is_an_error_and_the_next_goes_on()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Single(session.Invoke<ModelInfo>("Get-GgufInfo none.gguf, $sample"));
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("FileNotFound,GgufQuant.Commands.GetGgufInfoCommand", error.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.ObjectNotFound, error.CategoryInfo.Category);
        Assert.Equal($"The file '{session.Folder.File("none.gguf")}' does not exist.", error.Exception.Message);
    }

    [Fact]
    public void A_folder_is_refused_with_what_to_write_instead()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError("Get-GgufInfo .");
        Assert.Equal("PathIsFolder,GgufQuant.Commands.GetGgufInfoCommand", error.FullyQualifiedErrorId);
        Assert.Contains("*.gguf'", error.Exception.Message);
    }

    [Fact]
    public void A_broken_file_is_an_error_that_names_the_field_and_its_place()
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllBytes(session.Folder.File("bad.gguf"), File.ReadAllBytes(RepositoryPaths.SampleModel)[..4000]);
        Assert.Single(session.Invoke<ModelInfo>("'bad.gguf', $sample | Get-GgufInfo"));
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("InvalidGguf,GgufQuant.Commands.GetGgufInfoCommand", error.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.InvalidData, error.CategoryInfo.Category);
        Assert.Contains(session.Folder.File("bad.gguf"), error.Exception.Message);
        Assert.Contains("at byte", error.Exception.Message);
    }
}
