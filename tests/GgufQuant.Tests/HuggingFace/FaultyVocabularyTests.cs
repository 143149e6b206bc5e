using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>A folder whose vocabulary cannot be converted still has weights and a configuration to look at, but makes no GGUF file.</summary>
public sealed class FaultyVocabularyTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Theory]
    [InlineData("llama3_bpe", "llama-bpe")]
    [InlineData("qwen2", "qwen2")]
    public void A_pre_tokenizer_that_is_not_recognized_is_all_that_is_left_out(string name, string pre)
    {
        string folder = new GoldenCase(name).CopyTo(_root.Path);
        using HuggingFaceModel whole = HuggingFaceModel.Open(folder, new() { PreTokenizer = pre });
        using HuggingFaceModel model = HuggingFaceModel.OpenTolerant(folder);
        UnknownPreTokenizerException fault = Assert.IsType<UnknownPreTokenizerException>(model.VocabularyFault);
        Assert.Equal(pre, fault.LikelyName);
        Assert.Equal(whole.File.Metadata.Select(entry => entry.Key).Where(key => key != "tokenizer.ggml.pre"), model.File.Metadata.Select(entry => entry.Key));
        AssertSameWeights(whole, model);
        Assert.Null(whole.VocabularyFault);
    }

    [Fact]
    public void A_pre_tokenizer_that_is_given_or_recognized_is_no_fault()
    {
        string folder = new GoldenCase("llama3_bpe").CopyTo(_root.Path);
        using HuggingFaceModel given = HuggingFaceModel.OpenTolerant(folder, new() { PreTokenizer = "llama-bpe" });
        using HuggingFaceModel other = HuggingFaceModel.OpenTolerant(new GoldenCase("llama2_spm").CopyTo(_root.Path));
        Assert.Null(given.VocabularyFault);
        Assert.Null(other.VocabularyFault);
    }

    [Theory]
    [InlineData("llama3_bpe", "tokenizer.json", null, "so it has no vocabulary")]
    [InlineData("llama3_bpe", "tokenizer.json", "{ \"model\": ", "tokenizer.json")]
    [InlineData("llama3_bpe", "tokenizer.json", "{ \"model\": { \"type\": \"New\" } }", "New")]
    [InlineData("llama2_spm", "tokenizer.model", "x", "tokenizer.model")]
    public void A_vocabulary_that_cannot_be_read_leaves_the_weights(string name, string file, string? content, string problem)
    {
        GoldenCase golden = new(name);
        string folder = golden.CopyTo(_root.Path);
        ConversionOptions options = golden.OptionsOf("auto").Options;
        using HuggingFaceModel whole = HuggingFaceModel.Open(folder, options);
        Damage(folder, file, content);
        using HuggingFaceModel model = HuggingFaceModel.OpenTolerant(folder, options);
        Assert.Contains(problem, Assert.IsType<ModelFolderException>(model.VocabularyFault).Message, StringComparison.Ordinal);
        Assert.Equal(
            whole.File.Metadata.Select(entry => entry.Key).Where(key => !key.StartsWith("tokenizer.", StringComparison.Ordinal)),
            model.File.Metadata.Select(entry => entry.Key));
        AssertSameWeights(whole, model);
        Assert.Equal(
            QuantizationPlan.Create(whole.File, FileType.Q4_K_M).Tensors.Select(tensor => tensor.Target),
            QuantizationPlan.Create(model.File, FileType.Q4_K_M).Tensors.Select(tensor => tensor.Target));
    }

    [Fact]
    public void Mistrals_own_tokenizer_leaves_the_weights()
    {
        string folder = new GoldenCase("llama3_bpe").CopyTo(_root.Path);
        Damage(folder, "tokenizer.json", null);
        Damage(folder, "tekken.json", "{}");
        using HuggingFaceModel model = HuggingFaceModel.OpenTolerant(folder);
        Assert.Contains("Mistral's own tokenizer", model.VocabularyFault!.Message, StringComparison.Ordinal);
        Assert.NotEmpty(model.File.Tensors);
    }

    [Fact]
    public void Embeddings_that_would_be_cut_to_the_vocabulary_stay_whole()
    {
        GoldenCase golden = new("gemma3");
        string folder = golden.CopyTo(_root.Path);
        Damage(folder, "tokenizer.model", "x");
        using HuggingFaceModel model = HuggingFaceModel.OpenTolerant(folder, golden.OptionsOf("auto").Options);
        Assert.Equal(368, model.File.FindTensor("token_embd.weight")!.Shape[1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void It_is_not_written(bool isUnreadable)
    {
        string folder = new GoldenCase("llama3_bpe").CopyTo(_root.Path);
        if (isUnreadable)
            Damage(folder, "tokenizer.json", null);
        using HuggingFaceModel model = HuggingFaceModel.OpenTolerant(folder);
        string path = _root.File("out.gguf");
        Exception exception = Assert.ThrowsAny<Exception>(() => model.Write(path, token: TestContext.Current.CancellationToken));
        Assert.Same(model.VocabularyFault, exception);
        QuantizationPlan plan = QuantizationPlan.Create(model.File, FileType.Q8_0);
        Assert.Same(exception, Assert.ThrowsAny<Exception>(() => new Quantizer().Run(plan, path, token: TestContext.Current.CancellationToken)));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void Weights_that_depend_on_it_need_it()
    {
        string folder = new GoldenCase("qwen3").CopyTo(_root.Path);
        string reranker = _root.File("Qwen3-Reranker-tiny");
        Directory.Move(folder, reranker);
        Damage(reranker, "tokenizer.json", "{}");
        ModelFolderException exception = Assert.Throws<ModelFolderException>(() => HuggingFaceModel.OpenTolerant(reranker));
        Assert.Contains("tokenizer", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("has no token", exception.Message, StringComparison.Ordinal);
    }

    private static void Damage(string folder, string file, string? content)
    {
        string path = Path.Combine(folder, file);
        if (content is null)
            File.Delete(path);
        else
            File.WriteAllText(path, content);
    }

    private static void AssertSameWeights(HuggingFaceModel expected, HuggingFaceModel actual)
    {
        Assert.Equal(
            expected.File.Tensors.Select(tensor => (tensor.Name, tensor.Type, string.Join(',', tensor.Shape.ToArray()))),
            actual.File.Tensors.Select(tensor => (tensor.Name, tensor.Type, string.Join(',', tensor.Shape.ToArray()))));
        foreach ((GgufTensor first, GgufTensor second) in expected.File.Tensors.Zip(actual.File.Tensors))
            Assert.Equal(Read(expected, first), Read(actual, second));
    }

    private static byte[] Read(HuggingFaceModel model, GgufTensor tensor)
    {
        byte[] bytes = new byte[tensor.ByteCount];
        model.File.Read(tensor, 0, bytes);
        return bytes;
    }
}
