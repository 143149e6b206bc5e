namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>GGUF's keys for a vocabulary, with the names of gguf-py's <c>Keys.Tokenizer</c>.</summary>
internal static class TokenizerKeys
{
    public const string Model = "tokenizer.ggml.model";
    public const string Pre = "tokenizer.ggml.pre";
    public const string TokenTypeCount = "tokenizer.ggml.token_type_count";
    public const string Merges = "tokenizer.ggml.merges";
    public const string BosId = "tokenizer.ggml.bos_token_id";
    public const string EosId = "tokenizer.ggml.eos_token_id";
    public const string EotId = "tokenizer.ggml.eot_token_id";
    public const string EomId = "tokenizer.ggml.eom_token_id";
    public const string UnkId = "tokenizer.ggml.unknown_token_id";
    // The converter's spelling.
    public const string SepId = "tokenizer.ggml.seperator_token_id";
    public const string PadId = "tokenizer.ggml.padding_token_id";
    public const string MaskId = "tokenizer.ggml.mask_token_id";
    public const string AddBos = "tokenizer.ggml.add_bos_token";
    public const string AddEos = "tokenizer.ggml.add_eos_token";
    public const string AddSep = "tokenizer.ggml.add_sep_token";
    public const string AddSpacePrefix = "tokenizer.ggml.add_space_prefix";
    public const string RemoveExtraWhitespaces = "tokenizer.ggml.remove_extra_whitespaces";
    public const string PrecompiledCharsmap = "tokenizer.ggml.precompiled_charsmap";
    public const string NormalizerLowercase = "tokenizer.ggml.normalizer.lowercase";
    public const string NormalizerStripAccents = "tokenizer.ggml.normalizer.strip_accents";
    public const string ChatTemplate = "tokenizer.chat_template";
    public const string ChatTemplates = "tokenizer.chat_templates";

    public static string ChatTemplateNamed(string name) => $"tokenizer.chat_template.{name}";
}
