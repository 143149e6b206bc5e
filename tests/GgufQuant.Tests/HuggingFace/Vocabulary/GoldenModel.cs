using System.Text.Json;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

/// <summary>A model of the folder <c>golden</c>: its files, and the vocabulary that llama.cpp's converter makes of them.</summary>
internal sealed class GoldenModel
{
    private static readonly string s_root = Repository.PathOf("tests", "GgufQuant.Tests", "HuggingFace", "golden");

    private readonly string _path;

    public GoldenModel(string name)
    {
        _path = Path.Combine(s_root, name);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_path, "case.json")));
        PreTokenizer = Text(document.RootElement, "pre");
        Hash = Text(document.RootElement, "chkhsh");
    }

    /// <summary>The names of all models.</summary>
    public static TheoryData<string> Names =>
        [.. Directory.EnumerateDirectories(s_root).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    /// <summary>The name that the converter was given for the unknown hash; null if it needs none.</summary>
    public string? PreTokenizer { get; }

    /// <summary>The hash that the converter computed; null if it computed none.</summary>
    public string? Hash { get; }

    /// <summary>The folder with the model's files.</summary>
    public string Folder => Path.Combine(_path, "in");

    /// <summary>A line for each key: its name, its type, and its value or, for an array, the start of its SHA-256.</summary>
    public string[] Expected => File.ReadAllLines(Path.Combine(_path, "vocabulary.txt"));

    public VocabularyKeys Read(string? preTokenizer)
    {
        using ModelFolder folder = ModelFolder.Open(Folder);
        return new VocabularyReader(folder, new() { PreTokenizer = preTokenizer }).Read(KindOf(folder.Config));
    }

    /// <summary>The kind for a model's class.</summary>
    public static VocabularyKind KindOf(ModelConfig config) => config.Architecture switch
    {
        "BertModel" => VocabularyKind.Bert,
        "Gemma2ForCausalLM" => VocabularyKind.Gemma2,
        "Gemma3ForCausalLM" => VocabularyKind.Gemma3,
        "Gemma4ForConditionalGeneration" => VocabularyKind.Gemma4,
        "Glm4ForCausalLM" => VocabularyKind.Glm4,
        "Glm4MoeForCausalLM" => VocabularyKind.Glm4Moe,
        "GraniteForCausalLM" or "LlamaForCausalLM" or "MixtralForCausalLM" => VocabularyKind.Llama,
        "GraniteMoeHybridForCausalLM" => VocabularyKind.GraniteHybrid,
        "Mamba2ForCausalLM" => VocabularyKind.Mamba2,
        "MambaForCausalLM" => VocabularyKind.Mamba,
        "NemotronForCausalLM" => VocabularyKind.Nemotron,
        "NomicBertModel" => VocabularyKind.NomicBert,
        "Phi3ForCausalLM" => VocabularyKind.Phi3,
        "Qwen2ForCausalLM" or "Qwen2_5_VLForConditionalGeneration" or "Qwen3ForCausalLM" or "Qwen3VLForConditionalGeneration" => VocabularyKind.SentencePieceOrGpt2,
        _ => VocabularyKind.Gpt2,
    };

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
