using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;

namespace GgufQuant.Evaluation.Tests.HuggingFace;

/// <summary>The sample model, written back into a Hugging Face folder and converted again, is the same model.</summary>
public sealed class ConvertedModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_converted_model_predicts_as_its_original()
    {
        string path = Convert();
        using GgufFile original = GgufFile.Open(Sample.Model, TestContext.Current.CancellationToken);
        using GgufFile converted = GgufFile.Open(path, TestContext.Current.CancellationToken);
        Assert.Equal(original.Tensors.Count, converted.Tensors.Count);
        foreach (GgufTensor tensor in original.Tensors)
        {
            GgufTensor other = converted.FindTensor(tensor.Name)!;
            Assert.Equal(tensor.Type, other.Type);
            Assert.Equal(original.Read(tensor), converted.Read(other));
        }
        foreach (GgufEntry entry in original.Metadata.Where(entry => entry.Key.StartsWith("tokenizer.", StringComparison.Ordinal)))
            Assert.Equal(entry.Value, converted.Metadata.Find(entry.Key)!.Value);

        Assert.Equal(Perplexity(Sample.Model), Perplexity(path), 1e-9);
    }

    // Were the engine indifferent to the order of Q's rows, the test above would not prove it.
    [Fact]
    public void Rows_ordered_for_other_heads_predict_otherwise()
    {
        string path = Convert(config => config
            .Replace("\"num_attention_heads\":4", "\"num_attention_heads\":8", StringComparison.Ordinal)
            .Replace("\"num_key_value_heads\":2", "\"num_key_value_heads\":4", StringComparison.Ordinal));
        Assert.True(Perplexity(path) > Perplexity(Sample.Model) * 1.1);
    }

    public void Dispose() => _folder.Dispose();

    private string Convert(Func<string, string>? edit = null)
    {
        string folder = Directory.CreateDirectory(_folder.File("novels")).FullName;
        using (GgufFile sample = GgufFile.Open(Sample.Model, TestContext.Current.CancellationToken))
            LlamaFolder.Write(sample, folder);
        string config = Path.Combine(folder, "config.json");
        if (edit is not null)
            File.WriteAllText(config, edit(File.ReadAllText(config)));
        using HuggingFaceModel model = HuggingFaceModel.Open(folder, new() { PreTokenizer = "gpt-2" });
        string path = _folder.File("converted.gguf");
        model.Write(path, token: TestContext.Current.CancellationToken);
        return path;
    }

    private static double Perplexity(string path)
    {
        using QualityMeter meter = new(SampleEngine.Start(), path, Sample.HeldOut, new() { Threads = 1, ContextLength = 128, Chunks = 4 });
        return meter.MeasureReference(cancellationToken: TestContext.Current.CancellationToken).Perplexity.Value;
    }
}
