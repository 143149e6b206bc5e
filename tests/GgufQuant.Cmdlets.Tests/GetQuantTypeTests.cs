using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Formats;

namespace GgufQuant.Cmdlets.Tests;

public class GetQuantTypeTests
{
    [Fact]
    public void Every_file_type_is_listed_once()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<QuantType> types = session.Invoke<QuantType>("Get-QuantType");
        Assert.Equal(Enum.GetValues<FileType>().Order(), types.Select(type => type.Type).Order());
    }

    [Theory]
    [InlineData("Q4_K_M", FileType.Q4_K_M)]
    [InlineData("q4_k_m", FileType.Q4_K_M)]
    [InlineData("Q4_K", FileType.Q4_K_M)]
    [InlineData("Llama-3.1-8B-Instruct-Q5_K_S.gguf", FileType.Q5_K_S)]
    [InlineData("models/Qwen3-Q8/qwen.IQ2_XXS-00001-of-00003.gguf", FileType.IQ2_XXS)]
    [InlineData("gpt-oss-20b-mxfp4.gguf", FileType.MXFP4_MOE)]
    [InlineData("model-fp16.gguf", FileType.F16)]
    [InlineData("model[1]-Q4_0.gguf", FileType.Q4_0)]
    public void A_name_or_a_files_name_is_explained(string name, FileType expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal(expected, session.InvokeOne<QuantType>($"'{name}' | Get-QuantType").Type);
        Assert.Equal(expected, session.InvokeOne<QuantType>($"Get-QuantType -Name '{name}'").Type);
    }

    [Fact]
    public void Files_are_explained_by_their_names()
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllBytes(session.Folder.File("a-Q4_0.gguf"), []);
        QuantType type = session.InvokeOne<QuantType>("[IO.FileInfo]::new(\"$PWD/a-Q4_0.gguf\") | Get-QuantType");
        Assert.Equal(FileType.Q4_0, type.Type);
    }

    [Fact]
    public void Wildcards_choose_types()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal(
            ["Q4_1", "Q4_K_M", "Q4_K_S", "Q4_0"],
            session.Invoke<QuantType>("Get-QuantType q4*").Select(type => type.Name));
        Assert.Equal(["Q5_K_M", "Q5_K_S"], session.Invoke<QuantType>("Get-QuantType Q5_K*").Select(type => type.Name));
        Assert.Empty(session.Invoke<QuantType>("Get-QuantType X*"));
        Assert.Empty(session.Errors);
    }

    [Fact]
    public void A_pattern_that_is_none_is_an_unknown_name()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal("UnknownQuantType,GgufQuant.Commands.GetQuantTypeCommand", session.InvokeForError("Get-QuantType '[a'").FullyQualifiedErrorId);
    }

    [Fact]
    public void An_unknown_name_is_an_error_that_helps_and_the_next_goes_on()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal("Q8_0", Assert.Single(session.Invoke<QuantType>("'Q4_K_XL', 'Q8_0' | Get-QuantType")).Name);
        ErrorRecord error = Assert.Single(session.Errors);
        Assert.Equal("UnknownQuantType,GgufQuant.Commands.GetQuantTypeCommand", error.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.ObjectNotFound, error.CategoryInfo.Category);
        Assert.Contains("'Q4_K_XL' is not one of llama.cpp's types", error.Exception.Message);
        Assert.Contains("publisher's own mix", error.Exception.Message);
    }

    [Fact]
    public void The_list_is_a_table()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 110);
        Golden.Verify("QuantTypeTable", session.Render("Get-QuantType Q*_K*"));
    }

    [Fact]
    public void A_type_that_was_explained_is_listed_as_before()
    {
        using PowerShellSession session = PowerShellSession.Start();
        string list = session.Render("Get-QuantType Q6_K, F16");
        session.Render("Get-QuantType Q6_K");
        Assert.Equal(list, session.Render("Get-QuantType Q6_K, F16"));
    }

    [Fact]
    public void One_type_is_explained_in_full()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 110);
        Golden.Verify("QuantTypeExplained", session.Render("Get-QuantType Q4_K_M"));
    }

    [Fact]
    public void Names_complete_with_what_they_are_good_for()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<CompletionResult> offered = session.Complete("Get-QuantType Q5_K");
        Assert.Equal(["Q5_K_M", "Q5_K_S"], offered.Select(result => result.CompletionText));
        Assert.StartsWith("5.70 bits a weight. Very good quality", offered[0].ToolTip);
    }
}
