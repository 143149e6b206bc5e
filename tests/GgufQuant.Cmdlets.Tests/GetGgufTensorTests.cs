using System.Management.Automation;
using GgufQuant.Commands;
using GgufQuant.Formats;

namespace GgufQuant.Cmdlets.Tests;

public class GetGgufTensorTests
{
    [Fact]
    public void Every_tensor_is_listed_with_its_place()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<TensorInfo> tensors = session.Invoke<TensorInfo>("Get-GgufInfo $sample | Get-GgufTensor");
        Assert.Equal(57, tensors.Count);
        TensorInfo embedding = tensors.Single(tensor => tensor.Name == "token_embd.weight");
        Assert.Equal([256, 2048], embedding.Shape);
        Assert.Equal((GgmlType.F16, 2 * 256 * 2048, 16.0), (embedding.Type, embedding.Size, embedding.BitsPerWeight));
        Assert.InRange(embedding.Offset, 1, new FileInfo(RepositoryPaths.SampleModel).Length - embedding.Size);
        Assert.Equal(RepositoryPaths.SampleModel, embedding.Path);
    }

    [Fact]
    public void Names_choose_tensors()
    {
        using PowerShellSession session = PowerShellSession.Start();
        Assert.Equal(6, session.Invoke<TensorInfo>("Get-GgufTensor $sample *attn_v*").Count);
        Assert.Single(session.Invoke<TensorInfo>("Get-GgufTensor $sample output.weight, none"));
        Assert.Equal("TensorNotFound,GgufQuant.Commands.GetGgufTensorCommand", Assert.Single(session.Errors).FullyQualifiedErrorId);
    }

    [Fact]
    public void Statistics_describe_the_weights()
    {
        using PowerShellSession session = PowerShellSession.Start();
        MeasuredTensor norm = session.InvokeOne<MeasuredTensor>("Get-GgufTensor $sample output_norm.weight -Statistics");
        Assert.True(norm.Minimum < norm.Mean && norm.Mean < norm.Maximum);
        Assert.True(norm.StandardDeviation > 0);
        Assert.Equal((0, 0), (norm.NaNCount, norm.InfinityCount));
    }

    [Fact]
    public void Tensors_are_a_table()
    {
        using PowerShellSession session = PowerShellSession.Start(width: 120);
        Golden.Verify("TensorInfo", session.Render("Get-GgufTensor $sample blk.0.*"));
        Golden.Verify("MeasuredTensor", session.Render("Get-GgufTensor $sample blk.0.* -Statistics"));
    }

    [Fact]
    public void Names_complete_from_the_file()
    {
        using PowerShellSession session = PowerShellSession.Start();
        IReadOnlyList<CompletionResult> offered = session.Complete($"Get-GgufTensor '{RepositoryPaths.SampleModel}' -Name blk.1.attn_k");
        Assert.Equal("blk.1.attn_k.weight", Assert.Single(offered).CompletionText);
        Assert.Equal("blk.1.attn_k.weight [256, 128] f16", offered[0].ToolTip);
        Assert.Empty(session.Complete("Get-GgufTensor none.gguf -Name blk"));
    }
}
