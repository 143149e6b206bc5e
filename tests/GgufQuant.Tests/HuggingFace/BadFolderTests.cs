using System.Text;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>Folders that cannot be converted are answered in one sentence, before anything is written.</summary>
public sealed class BadFolderTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly string _folder;

    public BadFolderTests() => _folder = new GoldenCase("llama_hf_json").CopyTo(_root.Path);

    [Fact]
    public void A_folder_without_configuration()
    {
        Delete("config.json");
        AssertRejected("has no config.json");
    }

    [Fact]
    public void A_configuration_that_is_no_JSON()
    {
        Write("config.json", "{");
        AssertRejected("config.json");
    }

    [Fact]
    public void A_class_that_is_not_known()
    {
        Change("config.json", "LlamaForCausalLM", "LLamaForCausalLm");
        AssertRejected("'LLamaForCausalLm' cannot be converted; the closest that can is 'LlamaForCausalLM'");
    }

    [Fact]
    public void A_folder_that_holds_an_adapter()
    {
        Delete("config.json");
        Write("adapter_config.json", "{}");
        AssertRejected("adapter");
    }

    [Theory]
    [InlineData("pytorch_model.bin", "pickle format (.bin)")]
    [InlineData("model.gguf", "name the GGUF file itself")]
    [InlineData("consolidated.safetensors", "Mistral's own format")]
    [InlineData("model.safetensors.incomplete", "still being downloaded")]
    [InlineData("notes.txt", "has no model*.safetensors")]
    public void Weights_in_another_form(string name, string problem)
    {
        foreach (string file in Directory.EnumerateFiles(_folder, "*.safetensors*"))
            File.Delete(file);
        Write(name, "x");
        AssertRejected(problem);
    }

    [Fact]
    public void A_pointer_in_place_of_weights()
    {
        Write(WeightsName, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
        AssertRejected("LFS");
    }

    [Theory]
    [InlineData("""{"a":"model-00002-of-00002.safetensors"}""", "'model-00002-of-00002.safetensors' is missing")]
    [InlineData("""{"a":"../model.safetensors"}""", "'../model.safetensors' is not the name of a file in the folder")]
    [InlineData("""{"a":3}""", "is not the name of a file in the folder")]
    public void An_index_that_names_what_is_not_there(string map, string problem)
    {
        Write("model.safetensors.index.json", $"{{\"weight_map\":{map}}}");
        AssertRejected(problem);
    }

    [Fact]
    public void An_index_of_another_model()
    {
        Write("model.safetensors.index.json", "{\"weight_map\":{\"something.weight\":\"" + WeightsName + "\"}}");
        AssertRejected("lack 'something.weight'");
    }

    [Fact]
    public void A_tensor_in_two_files()
    {
        File.Copy(Path.Combine(_folder, WeightsName), Path.Combine(_folder, "model-copy.safetensors"));
        AssertRejected("keep one set of files");
    }

    [Fact]
    public void A_tensor_that_the_architecture_has_not()
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(_folder, WeightsName));
        byte[] name = Encoding.UTF8.GetBytes("mlp.down_proj");
        int offset = bytes.AsSpan().IndexOf(name);
        bytes[offset + 4] = (byte)'x';
        File.WriteAllBytes(Path.Combine(_folder, WeightsName), bytes);
        AssertRejected("has no tensors 'model.layers.", "mlp.xown_proj", "the known name closest to the first is", "down_proj");
    }

    [Fact]
    public void A_vocabulary_with_more_tokens_than_embeddings()
    {
        string folder = new GoldenCase("llama3_bpe").CopyTo(_root.Path);
        string config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"vocab_size\": 320", "\"vocab_size\": 400", StringComparison.Ordinal));
        string message = Assert.Throws<ModelFolderException>(() => HuggingFaceModel.Open(folder, new() { PreTokenizer = "llama-bpe" })).Message;
        Assert.Contains("the vocabulary has 400 tokens, but the embeddings have 320 rows", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_configuration_of_another_model()
    {
        Change("config.json", "\"hidden_size\": 64", "\"hidden_size\": 128");
        AssertRejected("128", "64");
    }

    [Theory]
    [InlineData("bitsandbytes")]
    [InlineData("awq")]
    [InlineData("something-new")]
    public void A_quantization_that_is_not_read(string method)
    {
        Change("config.json", "\"head_dim\": 16", "\"quantization_config\": {\"quant_method\": \"" + method + "\"}");
        AssertRejected(method);
    }

    [Fact]
    public void Weights_in_NVFP4_that_do_not_fit()
    {
        string folder = new ConvertedFolder("nvfp4-llama").WriteTo(_root.Path);
        string path = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        // The first scales become as many bytes of another type.
        int offset = bytes.AsSpan().IndexOf("F8_E4M3"u8);
        "F8_E5M2"u8.CopyTo(bytes.AsSpan(offset));
        File.WriteAllBytes(path, bytes);
        string message = Assert.Throws<ModelFolderException>(() => HuggingFaceModel.Open(folder, new() { PreTokenizer = "llama-bpe" })).Message;
        Assert.Contains("do not fit together", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AA== x", "line 1 is not a token in Base64 with its rank")]
    [InlineData("AA== 0\n?? 1", "line 2 is not a token in Base64 with its rank")]
    public void A_vocabulary_of_tiktoken_that_cannot_be_read(string content, string problem)
    {
        string folder = new ConvertedFolder("kimi-k2").WriteTo(_root.Path);
        File.WriteAllText(Path.Combine(folder, "tiktoken.model"), content);
        Assert.Contains(problem, Assert.Throws<ModelFolderException>(() => HuggingFaceModel.Open(folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vocabulary_of_tiktoken_that_is_not_Kimis()
    {
        string folder = new ConvertedFolder("kimi-k2").WriteTo(_root.Path);
        Assert.Contains("give that name", Assert.Throws<UnknownPreTokenizerException>(() => HuggingFaceModel.Open(folder)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _root.Dispose();

    private string WeightsName => Path.GetFileName(Directory.EnumerateFiles(_folder, "*.safetensors").First());

    private void AssertRejected(params string[] parts)
    {
        ModelFolderException exception = Assert.Throws<ModelFolderException>(() => HuggingFaceModel.Open(_folder, null).Dispose());
        Assert.All(parts, part => Assert.Contains(part, exception.Message, StringComparison.Ordinal));
        Assert.StartsWith($"'{_folder}", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith(".", exception.Message, StringComparison.Ordinal);
    }

    private void Delete(string name) => File.Delete(Path.Combine(_folder, name));

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);

    private void Change(string name, string from, string to)
    {
        string path = Path.Combine(_folder, name);
        string text = File.ReadAllText(path);
        Assert.Contains(from, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
    }
}
