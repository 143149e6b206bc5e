using GgufQuant.Gguf;
using GgufQuant.HuggingFace;

namespace GgufQuant.Tests.HuggingFace;

public sealed class ConversionWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, 2)]
    [InlineData(-1, 1)]
    public void A_shard_may_be_exactly_as_large_as_allowed(int difference, int expected)
    {
        GoldenCase golden = new("llama3_bpe");
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), golden.OptionsOf(golden.Labels.First()).Options);
        long limit = model.File.Tensors[0].ByteCount + model.File.Tensors[1].ByteCount + difference;
        GgufSplitOptions split = new() { MaxBytes = limit };
        string destination = _folder.File("m.gguf");
        model.Write(destination, split, token: TestContext.Current.CancellationToken);
        using GgufFile first = GgufFile.OpenShard(model.PathsAt(destination, split)[0]);
        Assert.Equal(expected, first.Tensors.Count);
    }
}
