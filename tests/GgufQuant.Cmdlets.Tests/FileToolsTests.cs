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
    public void A_model_is_split_and_made_whole_again()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<FileInfo> shards = session.Invoke<FileInfo>("Split-Gguf $sample parts -MaxSize 4MB");
        Assert.Equal(["novels-6m-f16-00001-of-00003.gguf", "novels-6m-f16-00002-of-00003.gguf", "novels-6m-f16-00003-of-00003.gguf"], shards.Select(shard => shard.Name));
        ModelInfo split = session.InvokeOne<ModelInfo>("Get-GgufInfo parts/*.gguf");
        Assert.Equal(3, split.Shards);
        FileInfo merged = session.InvokeOne<FileInfo>("Merge-Gguf parts/*.gguf -Destination whole.gguf");
        Assert.Equal(File.ReadAllBytes(RepositoryPaths.SampleModel), File.ReadAllBytes(merged.FullName));
        Assert.Equal("DestinationExists,GgufQuant.Commands.MergeGgufCommand", session.InvokeForError("Merge-Gguf parts/*2-of*.gguf whole.gguf").FullyQualifiedErrorId);
    }

    [Fact]
    public void The_shards_of_a_split_model_are_one_model_whatever_is_done_with_them()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.True(session.InvokeOne<bool>("Split-Gguf $sample parts -MaxSize 4MB | Test-Gguf"));
        session.Folder.CopySample("parts/whole.gguf");
        IReadOnlyList<QuantComparison> rows = session.Invoke<QuantComparison>("Compare-Quant parts/*.gguf -Reference $sample");
        Assert.Equal(["novels-6m-f16-00001-of-00003.gguf", "whole.gguf"], rows.Skip(1).Select(row => Path.GetFileName(row.Path)));
        session.InvokeOne<MetadataChange>("Set-GgufMetadata parts/*-of-*.gguf -Remove general.name -PassThru");
        File.Delete(session.Folder.File("parts/novels-6m-f16-00002-of-00003.gguf"));
        Assert.Contains("Shard 2 of 3 is missing", session.InvokeForError("Get-GgufInfo parts/*-of-*.gguf").Exception.Message);
    }

    [Fact]
    public void Files_that_are_only_named_like_shards_are_models_of_their_own()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m-00001-of-00002.gguf");
        session.Folder.CopySample("m-00002-of-00002.gguf");
        Assert.Equal([true, true], session.Invoke<bool>("Test-Gguf *.gguf"));
    }

    [Fact]
    public void A_model_that_is_not_split_is_not_merged_into_itself()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m-f16.gguf");
        ErrorRecord error = session.InvokeForError("Merge-Gguf m-f16.gguf");
        Assert.Equal("NotSplit,GgufQuant.Commands.MergeGgufCommand", error.FullyQualifiedErrorId);
        Assert.Contains("is not split", error.Exception.Message);
    }

    [Fact]
    public void A_merged_model_does_not_replace_a_shard_of_it()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Invoke<FileInfo>("Split-Gguf $sample . -MaxSize 4MB");
        string second = session.Folder.File("novels-6m-f16-00002-of-00003.gguf");
        byte[] before = File.ReadAllBytes(second);
        ErrorRecord error = session.InvokeForError($"Merge-Gguf *1-of*.gguf -Destination '{second}' -Force");
        Assert.Equal("DestinationIsSource,GgufQuant.Commands.MergeGgufCommand", error.FullyQualifiedErrorId);
        Assert.Equal(before, File.ReadAllBytes(second));
    }

    [Theory]
    [InlineData("Split-Gguf a/m.gguf, b/m.gguf -MaxSize 4MB -Destination out", 3)]
    [InlineData("Merge-Gguf a/m.gguf, b/m.gguf -Destination out/m.gguf", 1)]
    [InlineData("ConvertTo-ImportanceMatrix a/m.dat, b/m.dat Gguf -Destination out", 1)]
    public void Force_does_not_replace_what_the_same_command_has_written(string command, int files)
    {
        using PowerShellSession session = PowerShellSession.Start();
        foreach (string folder in new[] { "a", "b" })
        {
            Directory.CreateDirectory(session.Folder.File(folder));
            session.Folder.CopySample($"{folder}/m.gguf");
            WriteMatrix(session.Folder.File($"{folder}/m.dat"));
        }
        Assert.Equal(files, session.Invoke<object>($"{command} -Force").Count);
        Assert.StartsWith("DestinationUsedTwice,", Assert.Single(session.Errors).FullyQualifiedErrorId);
        Assert.Equal(files, Directory.GetFiles(session.Folder.File("out")).Length);
    }

    [Fact]
    public void Matrices_are_merged_into_a_folder_that_is_made_and_only_if_all_are_there()
    {
        using PowerShellSession session = PowerShellSession.Start();
        WriteMatrix(session.Folder.File("a.dat"));
        Assert.Empty(session.Invoke<object>("Merge-ImportanceMatrix a.dat, typo.dat -Destination new/sum.gguf"));
        Assert.Equal(["FileNotFound", "MatrixMissing"], session.Errors.Select(error => error.FullyQualifiedErrorId.Split(',')[0]));
        Assert.False(Directory.Exists(session.Folder.File("new")));
        Assert.Equal(2, session.InvokeOne<MatrixFile>("Merge-ImportanceMatrix a.dat, a.dat -Destination new/sum.gguf").Chunks);
        ErrorRecord folder = session.InvokeForError("Merge-ImportanceMatrix a.dat, a.dat -Destination new");
        Assert.Equal("PathIsFolder,GgufQuant.Commands.MergeImportanceMatrixCommand", folder.FullyQualifiedErrorId);
    }

    [Fact]
    public void A_file_is_no_folder_to_split_into()
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError("Split-Gguf $sample parts.gguf");
        Assert.Equal("DestinationIsNoFolder,GgufQuant.Commands.SplitGgufCommand", error.FullyQualifiedErrorId);
        Assert.Empty(Directory.GetFileSystemEntries(session.Folder.Path));
    }

    [Theory]
    [InlineData("Split-Gguf $sample parts -MaxSize 4MB -MaxTensor 3", "ParametersExclusive,GgufQuant.Commands.SplitGgufCommand")]
    [InlineData("Set-GgufMetadata m.gguf @{ 'general.name' = 'zz' } -Remove general.name", "SetAndRemoved,GgufQuant.Commands.SetGgufMetadataCommand")]
    public void What_cannot_both_be_followed_is_refused(string command, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m.gguf");
        Assert.Equal(expected, session.InvokeForError(command).FullyQualifiedErrorId);
        Assert.Single(Directory.GetFileSystemEntries(session.Folder.Path));
        Assert.Equal(File.ReadAllBytes(RepositoryPaths.SampleModel), File.ReadAllBytes(session.Folder.File("m.gguf")));
    }

    [Fact]
    public void Removing_what_tells_the_model_is_warned_of()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m.gguf");
        session.Invoke<object>("Set-GgufMetadata m.gguf -Remove general.architecture");
        Assert.Contains("no program can tell", Assert.Single(session.Warnings));
    }

    [Theory]
    [InlineData("@{ '' = 1 }", "A metadata key cannot be empty.")]
    [InlineData("@{ 'a' = @() }", "an empty array has no type")]
    [InlineData("@{ 'general.alignment' = 3 }", "a power of two")]
    public void What_is_wrong_with_metadata_is_said_in_whole_sentences(string table, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m.gguf");
        string message = session.InvokeForError($"Set-GgufMetadata m.gguf {table}").Exception.Message;
        Assert.Contains(expected, message);
        Assert.DoesNotContain("(Parameter", message);
    }

    [Fact]
    public void Metadata_keeps_its_type_and_takes_new_keys()
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m.gguf");
        MetadataChange change = session.InvokeOne<MetadataChange>("Set-GgufMetadata m.gguf @{ 'llama.context_length' = 512 } -PassThru");
        Assert.Equal(GgufEdit.InPlace, change.Change);
        Assert.Equal(512u, session.InvokeOne<uint>("(Get-GgufInfo m.gguf -Metadata).Metadata.'llama.context_length'"));
        Assert.Equal(GgufEdit.Rewritten, session.InvokeOne<MetadataChange>("Set-GgufMetadata m.gguf @{ 'my.numbers' = 1, 2, 3 } -Remove general.license -PassThru").Change);
        Assert.Equal([1, 2, 3], session.Invoke<int>("(Get-GgufInfo m.gguf -Metadata).Metadata.'my.numbers'"));
        Assert.False(session.InvokeOne<bool>("(Get-GgufInfo m.gguf -Metadata).Metadata.ContainsKey('general.license')"));
        session.Invoke<object>("Set-GgufMetadata m.gguf @{ 'general.alignment' = 64; 'tokenizer.ggml.add_bos_token' = 'True' }");
        Assert.Equal(64u, session.InvokeOne<uint>("(Get-GgufInfo m.gguf -Metadata).Metadata.'general.alignment'"));
    }

    [Theory]
    [InlineData("@{ 'llama.context_length' = -1 }")]
    [InlineData("@{ 'llama.context_length' = 'long' }")]
    [InlineData("@{ 'llama.context_length' = 511.6 }")]
    [InlineData("@{ 'llama.context_length' = 512, 513 }")]
    [InlineData("@{ 'tokenizer.ggml.add_bos_token' = 'false' }")]
    [InlineData("@{ 'tokenizer.ggml.tokens' = 'one' }")]
    [InlineData("@{ 'my.numbers' = 1, 2.5 }")]
    [InlineData("@{ 'a' = $null }")]
    [InlineData("@{ 'a' = $null, 1 }")]
    [InlineData("@{ 'a' = 1, $null }")]
    [InlineData("@{ 'a' = 1.5, $null }")]
    [InlineData("@{ 'a' = 1.5, '2,5' }")]
    [InlineData("@{ 'llama.attention.layer_norm_rms_epsilon' = 1e300 }")]
    [InlineData("@{ 'llama.attention.layer_norm_rms_epsilon' = '1e300' }")]
    [InlineData("@{ 'llama.attention.layer_norm_rms_epsilon' = '1,5' }")]
    [InlineData("@{ 'llama.attention.layer_norm_rms_epsilon' = '' }")]
    public void Metadata_that_does_not_fit_is_refused_and_the_file_stays(string table)
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m.gguf");
        ErrorRecord error = session.InvokeForError($"Set-GgufMetadata m.gguf {table}");
        Assert.Equal("InvalidMetadata,GgufQuant.Commands.SetGgufMetadataCommand", error.FullyQualifiedErrorId);
        Assert.Equal(File.ReadAllBytes(RepositoryPaths.SampleModel), File.ReadAllBytes(session.Folder.File("m.gguf")));
    }

    [Theory]
    [InlineData("'2.5e-6'", 2.5e-6f)]
    [InlineData("0.1", 0.1f)]
    [InlineData("1", 1f)]
    [InlineData("[double]::PositiveInfinity", float.PositiveInfinity)]
    public void A_fraction_may_be_given_in_any_way_that_means_it(string value, float expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m.gguf");
        session.Invoke<object>($"Set-GgufMetadata m.gguf @{{ 'llama.attention.layer_norm_rms_epsilon' = {value} }}");
        Assert.Equal(expected, session.InvokeOne<float>("(Get-GgufInfo m.gguf -Metadata).Metadata.'llama.attention.layer_norm_rms_epsilon'"));
    }

    [Fact]
    public void Nothing_to_change_is_an_error()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal("NothingToChange,GgufQuant.Commands.SetGgufMetadataCommand", session.InvokeForError("Set-GgufMetadata $sample").FullyQualifiedErrorId);
    }

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
    [InlineData("Compare-Quant $sample -Reference none.gguf")]
    [InlineData("Get-GgufInfo none.gguf")]
    public void A_file_that_is_not_there_is_named(string command)
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError(command);
        Assert.StartsWith("FileNotFound,", error.FullyQualifiedErrorId);
        Assert.Matches(@"^The file '.*none\.(gguf|psd1)' does not exist\.$", error.Exception.Message);
        Assert.Empty(Directory.GetFileSystemEntries(session.Folder.Path));
    }

    // The older format: entries of a name, calls and sums, then chunks and the text's name.
    private static void WriteMatrix(string path)
    {
        using BinaryWriter writer = new(File.Create(path));
        writer.Write(1);
        writer.Write("output.weight".Length);
        writer.Write("output.weight"u8);
        writer.Write(1);
        writer.Write(2);
        writer.Write(1f);
        writer.Write(2f);
        writer.Write(1);
        writer.Write(0);
    }
}
