using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Commands;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Cmdlets.Tests;

public class FileToolsTests
{
    [Fact]
    public void Layers_are_pruned_and_metadata_replaced_while_quantizing()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ModelInfo info = session.InvokeOne<ModelInfo>(
            "ConvertTo-Quantized $sample Q4_0 -PruneLayer 1, 2 -Metadata @{ 'general.name' = 'Small' } -Destination . | Get-GgufInfo");
        Assert.Equal((4, "Small"), (info.Layers, info.Name));
        Assert.Equal("CannotQuantize,GgufQuant.Commands.ConvertToQuantizedCommand", session.InvokeForError(
            "ConvertTo-Quantized $sample Q4_0 -Metadata @{ 'llama.block_count' = 'x' } -Destination .").FullyQualifiedErrorId);
    }

    [Theory]
    [InlineData("@{ 'general.alignment' = 3 }", "", "a power of two")]
    [InlineData("@{ 'split.no' = [uint16]1 }", "-SplitMaxTensor 30", "'split.no' says how the model is split")]
    [InlineData("@{ 'split.count' = [uint16]5 }", "", "'split.count' says how the model is split")]
    [InlineData("@{ 'my.key' = 1; [Uri]'my.key' = 2 }", "", "'my.key' is given twice")]
    public void Metadata_that_no_file_may_have_keep_one_file_from_being_made(string table, string arguments, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        foreach (string work in new[] { "Q8_0", "-Copy" })
        {
            ErrorRecord error = session.InvokeForError($"ConvertTo-Quantized $sample {work} -Metadata {table} {arguments} -Destination .");
            Assert.Equal("CannotQuantize,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
            Assert.Contains(expected, error.Exception.Message);
        }
        Assert.Empty(Directory.GetFileSystemEntries(session.Folder.Path));
    }

    [Fact]
    public void A_recipe_gives_tensors_of_some_layers_other_types()
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllText(session.Folder.File("r.psd1"), """
            @{
                Rules = @(
                    @{ Tensor = 'attn_q'; Layer = '0-1,4'; Type = 'q8_0' }
                    @{ Tensor = 'attn_q'; Type = 'q5_K' }
                    @{ Tensor = 'ffn_up'; Layer = 3, 5; Type = 'Q6_K' }
                )
            }
            """);
        PlannedFile plan = session.InvokeOne<PlannedFile>("ConvertTo-Quantized $sample Q4_0 -Recipe r.psd1 -TensorType 'blk.4.attn_q=q4_1' -WhatIf -Destination .");
        Assert.Equal("Q8_0 Q8_0 Q5_K Q5_K Q4_1 Q5_K", Types("attn_q"));
        Assert.Equal("Q4_0 Q4_0 Q4_0 Q6_K Q4_0 Q6_K", Types("ffn_up"));

        string Types(string tensor) => string.Join(' ', Enumerable.Range(0, 6).Select(i => plan.Tensors.Single(planned => planned.Name == $"blk.{i}.{tensor}.weight").Target));
    }

    [Fact]
    public void A_recipes_rule_for_no_tensor_is_warned_of_with_its_layers()
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllText(session.Folder.File("r.psd1"), "@{ Rules = @(@{ Tensor = 'ffn_down'; Layer = '80,77-78'; Type = 'q8_0' }) }");
        session.InvokeOne<PlannedFile>("ConvertTo-Quantized $sample Q4_0 -Recipe r.psd1 -WhatIf -Destination .");
        Assert.StartsWith("'ffn_down=q8_0 (layer 77-78,80)' is for no tensor of", Assert.Single(session.Warnings));
    }

    [Theory]
    [InlineData("@{ Rules = @(@{ Tensor = 'a' }) }", "rule 1 needs a 'Tensor' and a 'Type'")]
    [InlineData("@{ Rules = @(@{ Tensor = 'a'; Type = 'q9' }) }", "'q9' is not a tensor type")]
    [InlineData("@{ Rules = @(@{ Tensor = 'a'; Type = 'q4_0'; Layer = '3-1' }) }", "'3-1' names no layers")]
    [InlineData("@{ Rules = @(@{ Tensor = 'a'; Type = 'q4_0' }, @{ Tensor = 'a'; Type = 'q4_0'; Layers = 0 }) }", "rule 2 has 'Layers', which means nothing here. Did you mean 'Layer'? Write")]
    [InlineData("@{ Rules = @(@{ Tensor = 'a'; Type = 'q4_0'; Why = 'x' }) }", "rule 1 has 'Why', which means nothing here. Write")]
    [InlineData("@{ Rule = @(@{ Tensor = 'a'; Type = 'q4_0' }) }", "it has 'Rule', which means nothing here. Did you mean 'Rules'?")]
    [InlineData("@{ Rules = @(); Pure = 1 }", "it has 'Pure', which means nothing here.")]
    [InlineData("@{ Rules = @(Get-Command) }", "is not a recipe")]
    [InlineData("@{ ", "line 1")]
    [InlineData("'text'", "it is not a table")]
    public void A_file_that_is_no_recipe_is_refused(string text, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllText(session.Folder.File("r.psd1"), text);
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized $sample Q4_0 -Recipe r.psd1 -Destination .");
        Assert.Equal("CannotQuantize,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.Contains(expected, error.Exception.Message);
    }

    [Fact]
    public void A_file_is_split_as_it_is_written()
    {
        using PowerShellSession session = PowerShellSession.Start();
        QuantizedFile file = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q8_0 -SplitMaxSize 2MB -Hash -Destination .");
        Assert.True(file.Paths.Count > 2);
        Assert.Equal(file.Paths, Directory.GetFiles(session.Folder.Path).Order());
        Assert.Equal(file.Paths.Count, file.Hash!.Split(' ').Length);
        Assert.Equal(file.Size, file.Paths.Sum(path => new FileInfo(path).Length));
        ModelInfo info = session.InvokeOne<ModelInfo>("Get-GgufInfo *.gguf");
        Assert.Equal((file.Paths.Count, FileType.Q8_0), (info.Shards, info.Type));
        QuantizedFile kept = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized *1-of*.gguf Q4_0 -AllowRequantize -KeepSplit -Destination kept");
        Assert.Equal(file.Paths.Count, kept.Paths.Count);
    }

    [Fact]
    public void Tensors_are_taken_from_an_earlier_file()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q4_0 -Destination a.gguf");
        QuantizedFile again = session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q4_0 -TensorType 'attn_v=q8_0' -Reuse a.gguf -Destination b.gguf");
        Assert.InRange(again.TensorsReused, 30, 50);
        session.InvokeOne<QuantizedFile>("ConvertTo-Quantized $sample Q4_0 -TensorType 'attn_v=q8_0' -Destination c.gguf");
        Assert.Equal(File.ReadAllBytes(session.Folder.File("c.gguf")), File.ReadAllBytes(session.Folder.File("b.gguf")));
    }

    [Fact]
    public void A_matrix_that_cannot_be_read_keeps_anything_from_being_made()
    {
        using PowerShellSession session = PowerShellSession.Start();
        File.WriteAllText(session.Folder.File("m.dat"), "no matrix");
        ErrorRecord error = session.InvokeForError("ConvertTo-Quantized $sample Q4_0 -ImportanceMatrix m.dat -Destination .");
        Assert.Equal("InvalidImportanceMatrix,GgufQuant.Commands.ConvertToQuantizedCommand", error.FullyQualifiedErrorId);
        Assert.Single(Directory.GetFileSystemEntries(session.Folder.Path));
    }

    [Theory]
    [InlineData("ConvertTo-Quantized $sample Q4_0 -Recipe none.psd1 -Destination .")]
    [InlineData("ConvertTo-Quantized $sample Q4_0 -ImportanceMatrix none.gguf -Destination .")]
    [InlineData("ConvertTo-Quantized $sample Q4_0 -Reuse none.gguf -Destination .")]
    [InlineData("Get-GgufInfo none.gguf")]
    public void A_file_that_is_not_there_is_named(string command)
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError(command);
        Assert.StartsWith("FileNotFound,", error.FullyQualifiedErrorId);
        Assert.Matches(@"^The file '.*none\.(gguf|psd1)' does not exist\.$", error.Exception.Message);
        Assert.Empty(Directory.GetFileSystemEntries(session.Folder.Path));
    }
}
