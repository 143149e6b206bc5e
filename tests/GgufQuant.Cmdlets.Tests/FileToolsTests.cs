using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Commands;
using GgufQuant.Gguf;
using GgufQuant.Planning;

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
    }

    [Theory]
    [InlineData("@{ 'llama.context_length' = -1 }")]
    [InlineData("@{ 'llama.context_length' = 'long' }")]
    [InlineData("@{ 'a' = $null }")]
    public void Metadata_that_does_not_fit_is_refused_and_the_file_stays(string table)
    {
        using PowerShellSession session = PowerShellSession.Start();
        session.Folder.CopySample("m.gguf");
        ErrorRecord error = session.InvokeForError($"Set-GgufMetadata m.gguf {table}");
        Assert.Equal("InvalidMetadata,GgufQuant.Commands.SetGgufMetadataCommand", error.FullyQualifiedErrorId);
        Assert.Equal(File.ReadAllBytes(RepositoryPaths.SampleModel), File.ReadAllBytes(session.Folder.File("m.gguf")));
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
        Assert.Equal("InvalidMetadata,GgufQuant.Commands.ConvertToQuantizedCommand", session.InvokeForError(
            "ConvertTo-Quantized $sample Q4_0 -Metadata @{ 'llama.block_count' = 'x' } -Destination .").FullyQualifiedErrorId);
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

    [Fact]
    public void The_types_that_fit_are_found_and_one_recommended()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 120);
        IReadOnlyList<QuantTypeFit> fits = session.Invoke<QuantTypeFit>("Find-QuantType $sample -MemoryBudget 9MB");
        Assert.All(fits, fit => Assert.Equal(9 * 1024 * 1024, fit.Memory + fit.Margin));
        Assert.DoesNotContain(fits, fit => fit.Imatrix == ImatrixUse.Required || fit.Margin < 0);
        QuantTypeFit best = Assert.Single(fits, fit => fit.IsRecommended);
        Assert.Equal(FileType.Q4_K_M, best.Type);
        Assert.StartsWith("Q4_K_M takes 8.60 MiB of 9.00 MiB", best.Recommendation);
        Assert.Contains(session.Invoke<QuantTypeFit>("Find-QuantType $sample 9MB -WithImportanceMatrix"), fit => fit.Type == FileType.IQ2_M);
        Golden.Verify("QuantTypeFit", session.Render("Find-QuantType $sample 8.2MB"));
    }

    [Fact]
    public void Nothing_that_fits_is_a_warning_with_a_way_out()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Empty(session.Invoke<object>("Find-QuantType $sample -MemoryBudget 1MB"));
        Assert.Contains("-ContextLength", Assert.Single(session.Warnings));
    }
}
