using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>What transformers' tokenizer classes add; tokenizer_config.json names the class.</summary>
/// <param name="Defaults">The default special tokens.</param>
/// <param name="ReplacesPostProcessor">Whether the class adds the bos token, whatever tokenizer.json says.</param>
internal sealed record TokenizerClass(IReadOnlyDictionary<string, string> Defaults, bool ReplacesPostProcessor)
{
    /// <summary>The names of special tokens, in transformers' order.</summary>
    public static readonly string[] SpecialNames = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private static readonly TokenizerClass s_plain = Make();
    private static readonly TokenizerClass s_llama = Make("<s>", "</s>", "<unk>") with { ReplacesPostProcessor = true };
    private static readonly TokenizerClass s_gemma = Make("<bos>", "<eos>", "<unk>", pad: "<pad>") with { ReplacesPostProcessor = true };
    private static readonly TokenizerClass s_cohere = Make("<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", "<UNK>") with { ReplacesPostProcessor = true };
    private static readonly TokenizerClass s_roberta = Make("<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>");
    private static readonly TokenizerClass s_gpt2 = Make("<|endoftext|>", "<|endoftext|>", "<|endoftext|>");
    private static readonly TokenizerClass s_qwen2 = Make(eos: "<|endoftext|>", unk: "<|endoftext|>", pad: "<|endoftext|>");
    private static readonly TokenizerClass s_bert = Make(unk: "[UNK]", sep: "[SEP]", pad: "[PAD]", cls: "[CLS]", mask: "[MASK]");

    /// <summary>A model's class: the one named in tokenizer_config.json, otherwise the default of its kind.</summary>
    public static TokenizerClass Of(JsonElement? tokenizerConfig, string modelType)
    {
        string name = tokenizerConfig?.Text("tokenizer_class") ?? modelType switch
        {
            "llama" or "mistral" or "mixtral" => "LlamaTokenizer",
            "gemma" or "gemma2" or "gemma3" or "gemma3_text" => "GemmaTokenizer",
            "cohere" or "cohere2" => "CohereTokenizer",
            _ => "",
        };
        return (name.EndsWith("Fast", StringComparison.Ordinal) ? name[..^"Fast".Length] : name) switch
        {
            "LlamaTokenizer" or "CodeLlamaTokenizer" => s_llama,
            "GemmaTokenizer" => s_gemma,
            "CohereTokenizer" => s_cohere,
            "RobertaTokenizer" or "XLMRobertaTokenizer" => s_roberta,
            "GPT2Tokenizer" => s_gpt2,
            "Qwen2Tokenizer" => s_qwen2,
            "BertTokenizer" => s_bert,
            _ => s_plain,
        };
    }

    private static TokenizerClass Make(
        string? bos = null, string? eos = null, string? unk = null, string? sep = null, string? pad = null, string? cls = null, string? mask = null)
    {
        string?[] tokens = [bos, eos, unk, sep, pad, cls, mask];
        return new(
            SpecialNames.Zip(tokens).Where(pair => pair.Second is not null).ToDictionary(pair => pair.First, pair => pair.Second!),
            ReplacesPostProcessor: false);
    }
}
