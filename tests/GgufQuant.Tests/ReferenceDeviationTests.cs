using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Reference;
using GgufQuant.Tests.Planning;

namespace GgufQuant.Tests;

/// <summary>Where NuGet's build of llama.cpp differs from v0.5.0, as docs/identical-files.md lists it: a renewed package must fail here.</summary>
public sealed class ReferenceDeviationTests : IClassFixture<TestModels>
{
    private readonly TestModels _models;

    public ReferenceDeviationTests(TestModels models)
    {
        Skip.UnlessNuGet();
        _models = models;
    }

    public static TheoryData<FileType> RejectedTypes => [.. ReferenceBuild.TypesWithoutFallback];

    [Theory]
    [MemberData(nameof(RejectedTypes))]
    public void A_row_that_is_not_whole_blocks_is_rejected(FileType type)
    {
        InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => ReferenceQuantizer.ChooseTypes(_models.PathOf("ragged"), type, new()));
        Assert.Contains("no tensor type fallback is defined for type", thrown.Message, StringComparison.Ordinal);
    }

    [ReferenceFact(ReferenceKind.Exact)]
    public void Constant_blocks_of_IQ1_M_differ()
    {
        const int RowLength = 1024;
        float[] weights = WeightData.Make("constant-blocks", RowLength);
        BlockFormat format = BlockFormat.Of(GgmlType.IQ1_M);
        byte[] ours = new byte[format.ByteCount(weights.Length)];
        format.Quantize(weights, RowLength, [], ours);
        byte[] theirs = ReferenceCodec.Quantize(GgmlType.IQ1_M, weights, RowLength, []);
        Assert.All(ours.Chunk(format.BlockBytes).Zip(theirs.Chunk(format.BlockBytes)), blocks => Assert.NotEqual(blocks.First, blocks.Second));
    }

    [Fact]
    public void A_renumbered_layer_has_the_weights_of_the_layer_whose_number_it_takes()
    {
        using GgufFile source = GgufFile.Open(_models.PathOf("dense"));
        string path = Path.Combine(_models.Folder, "pruned.gguf");
        ReferenceQuantizer.Quantize(source.Path, path, FileType.F16, new() { PruneLayers = [0] });
        using GgufFile pruned = GgufFile.Open(path);
        Assert.Equal(source.Read(source.FindTensor("blk.0.attn_k.weight")!), pruned.Read(pruned.FindTensor("blk.0.attn_k.weight")!));
    }
}
