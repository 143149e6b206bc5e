using System.Text;
using System.Text.Json;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;
using GgufQuant.HuggingFace.Vocabulary.Tokenization;
using Tokenizers.DotNet;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

/// <summary>Tokens are those of Hugging Face's own library.</summary>
public sealed class FastTokenizerTests
{
    private const string Config = """{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}""";

    // Every letter as a byte's, so that any text has tokens; merges so that words have several ways to be made.
    private static readonly string[] s_merges = ["t h", "th e", "Ġ the", "Ġ t", "Ġt h", "i n", "in g", "Ġ Ġ", "ĠĠ ĠĠ", "Ċ Ċ", "3 3", "' s", "Ð ½", "ð Ł", "o o", "e r"];

    private static readonly string[] s_texts =
    [
        PreTokenizerHash.CheckText,
        "the thing  in the other\n\n  33333 it's IT'S ther'e",
        "  leading and trailing   ",
        "\t\r\n \u00A0\u3000x",
        "a1b22c333 ½²Ⅷ٣ 一二三 ひらがな カタカナ 한국어 ไทย",
        "e\u0301",
        "\u0915\u093F \u1780\u17B6 🦙🏽‍♀️ 𝒳𝟘 𠀀𠀁 €$¢ «»„“ ‐—_",
        "<x>the</x> <s>the<s> a<mask> b  <w>w <w>",
        "ﬀ Ａｂｃ ～",
        "x",
    ];

    public static TheoryData<string, string, string> PreTokenizers
    {
        get
        {
            TheoryData<string, string, string> rows = [];
            string llama = Split(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+");
            string gpt4o = Split(@"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+");
            string kimi = Split(@"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+");
            string deepSeek = $"{Split(@"\p{N}{1,3}")}, {Split("[一-龥぀-ゟ゠-ヿ]+")}, {Split(@"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")}";
            string possessive = Split(@"[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s");
            const string Bytes = """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}""";
            foreach (string normalizer in new[] { "null", """{"type": "NFC"}""" })
            {
                foreach ((string name, string rule) in new[] { ("llama", llama), ("gpt-4o", gpt4o), ("kimi", kimi), ("deepseek", deepSeek), ("possessive", possessive) })
                    rows.Add($"{name}, {normalizer}", normalizer, Sequence(rule, Bytes));
            }
            rows.Add("gpt-2", "null", """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}""");
            rows.Add("gpt-2 with a space", "null", Sequence("""{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}"""));
            rows.Add("starcoder", "null", Sequence("""{"type": "Digits", "individual_digits": true}""", Bytes));
            rows.Add("digits", "null", Sequence("""{"type": "Digits", "individual_digits": false}""", Bytes));
            rows.Add("falcon", "null", Sequence("""{"type": "Punctuation", "behavior": "Contiguous"}""", """{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}"""));
            rows.Add("whitespace", "null", Sequence("""{"type": "WhitespaceSplit"}""", Bytes));
            foreach (string behavior in new[] { "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous" })
            {
                foreach (string invert in new[] { "false", "true" })
                    rows.Add($"{behavior}, {invert}", "null", Sequence(Split(@"\s|[aeiou]", behavior, invert), Bytes));
            }
            rows.Add("replace and strip", """{"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": true, "strip_right": false}, {"type": "Replace", "pattern": {"String": "the"}, "content": "ing"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}, {"type": "Prepend", "prepend": "x"}, {"type": "Lowercase"}]}""", Bytes);
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(PreTokenizers))]
    public void Byte_level_tokens_are_the_librarys(string name, string normalizer, string preTokenizer)
    {
        Assert.NotEmpty(name);
        // The tests run without ICU, as any program may: .NET then leaves a text as it is, and so is the check text.
        string[] texts = normalizer == "null" ? s_texts : [.. s_texts.Where(text => text != "e\u0301")];
        Compare(Tokenizer(normalizer, preTokenizer, ByteLevelModel("false"), """{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true}"""), texts);
    }

    [Fact]
    public void A_whole_word_that_is_a_token_can_go_before_its_merges() =>
        Compare(Tokenizer("null", Sequence("""{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}"""), ByteLevelModel("true"), "null"));

    [Theory]
    [InlineData("null", """{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}""")]
    [InlineData("null", """{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": false}""")]
    [InlineData("""{"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}""", "null")]
    public void Tokens_of_SentencePieces_kind_are_the_librarys(string normalizer, string preTokenizer)
    {
        StringBuilder vocabulary = new("\"<unk>\": 0");
        int id = 1;
        for (int value = 0; value < 256; value++)
            vocabulary.Append(System.Globalization.CultureInfo.InvariantCulture, $", \"<0x{value:X2}>\": {id++}");
        foreach (string token in new[] { "▁", "t", "h", "e", "i", "n", "g", "th", "the", "▁the", "in", "ing", "x", "s" })
            vocabulary.Append(System.Globalization.CultureInfo.InvariantCulture, $", \"{token}\": {id++}");
        Compare(Tokenizer(normalizer, preTokenizer, $$"""{"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "vocab": {{{vocabulary}}}, "merges": ["t h", "th e", "▁ the", "i n", "in g"]}""", "null"));
    }

    [Fact]
    public void WordPieces_are_the_librarys() => Compare(Tokenizer(
        """{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": false, "lowercase": true}""", """{"type": "BertPreTokenizer"}""",
        """{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 8, "vocab": {"[UNK]": 0, "the": 1, "##r": 2, "in": 3, "##g": 4, "a": 5, "'": 6, "s": 7, "3": 8, "##3": 9, "##33": 10, "t": 11, "##he": 12, "一": 13, "x": 14, "🦙": 15}}""",
        """{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [17, 3], "tokens": ["<s>", "in"]}}}"""));

    [Theory]
    [InlineData("""{"tokenizer_class": "GPT2Tokenizer"}""", "false")]
    [InlineData("""{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": false}""", "false")]
    [InlineData("""{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true}""", "true")]
    public void The_configuration_decides_whether_byte_level_BPE_gets_a_space_in_front(string config, string isAdded)
    {
        string opposite = isAdded == "true" ? "false" : "true";
        using TemporaryModel model = new();
        model.Write("config.json", Config).Write("tokenizer_config.json", config)
            .Write("tokenizer.json", Tokenizer("null", $$"""{"type": "ByteLevel", "add_prefix_space": {{opposite}}, "trim_offsets": true, "use_regex": true}""", ByteLevelModel("false"), "null"));
        using ModelFolder folder = model.Open();
        FastTokenizer tokenizer = new(new TokenizerFiles(folder));
        int first = tokenizer.Encode("the thing")[0];
        Assert.Equal(isAdded == "true" ? "Ġthe" : "the", tokenizer.Model.Ids.Single(pair => pair.Value == first).Key);
    }

    [Fact]
    public void Tokens_that_only_the_configuration_names_get_the_next_ids()
    {
        using TemporaryModel model = new();
        model.Write("config.json", Config)
            .Write("tokenizer.json", Tokenizer("null", "null", ByteLevelModel("false"), "null"))
            .Write("tokenizer_config.json", """{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<new>", "pad_token": {"content": "<newer>"}, "added_tokens_decoder": {"900": {"content": "<x>", "special": true}, "7": {"content": "<y>"}}}""");
        using ModelFolder folder = model.Open();
        FastTokenizer tokenizer = new(new TokenizerFiles(folder));
        Assert.Equal(
            ["<s> True", "<x> True", "</x> False", "<mask> True", "<w> False", "<y> False", "<new> True", "<newer> True"],
            tokenizer.Added.Tokens.Select(pair => $"{pair.Value.Content} {pair.Value.IsSpecial}"));
        Assert.Equal(Enumerable.Range(tokenizer.Model.Count, 8), tokenizer.Added.Tokens.Keys);
    }

    [Theory]
    [InlineData("""{"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"}""", "takes more than")]
    [InlineData("""{"type": "Split", "pattern": {"Regex": "\\p{Klingon}"}, "behavior": "Isolated"}""", "the property 'Klingon'")]
    [InlineData("""{"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated"}""", "unbalanced")]
    [InlineData("""{"type": "Split", "pattern": {}, "behavior": "Isolated"}""", "neither a string nor")]
    [InlineData("""{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "7"}""", "the unknown behavior '7'")]
    [InlineData("""{"type": "UnicodeScripts"}""", "the unknown type 'UnicodeScripts'")]
    public void What_cannot_be_run_is_said(string preTokenizer, string problem)
    {
        using TemporaryModel model = new();
        model.Write("config.json", Config).Write("tokenizer.json", Tokenizer("null", preTokenizer, ByteLevelModel("false"), "null"));
        using ModelFolder folder = model.Open();
        FastTokenizer tokenizer = new(new TokenizerFiles(folder));
        Assert.Contains(problem, Assert.Throws<UnsupportedTokenizerException>(() => tokenizer.Encode($"{new string('a', 40)}b")).Message);
    }

    [Fact]
    public void A_text_does_not_grow_without_end()
    {
        const string Growing = """{"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaaaaaaaa"}""";
        using TemporaryModel model = new();
        model.Write("config.json", Config)
            .Write("tokenizer.json", Tokenizer($$"""{"type": "Sequence", "normalizers": [{{string.Join(", ", Enumerable.Repeat(Growing, 9))}}]}""", "null", ByteLevelModel("false"), "null"));
        using ModelFolder folder = model.Open();
        FastTokenizer tokenizer = new(new TokenizerFiles(folder));
        Assert.Contains("turns a short text into", Assert.Throws<UnsupportedTokenizerException>(() => tokenizer.Encode("aaa")).Message);
    }

    private static void Compare(string tokenizerJson) => Compare(tokenizerJson, s_texts);

    private static void Compare(string tokenizerJson, string[] texts)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, "The tests have Hugging Face's library for Linux x64.");
        using TemporaryModel model = new();
        model.Write("config.json", Config).Write("tokenizer.json", tokenizerJson).Write("tokenizer_config.json", """{"tokenizer_class": "PreTrainedTokenizerFast"}""");
        using ModelFolder folder = model.Open();
        FastTokenizer tokenizer = new(new TokenizerFiles(folder));
        Tokenizer library = new(vocabPath: model.PathOf("tokenizer.json"));
        foreach (string text in texts)
            Assert.Equal(library.Encode(text).Select(id => (int)id), tokenizer.Encode(text));
    }

    private static string Split(string regex, string behavior = "Isolated", string invert = "false") =>
        $$"""{"type": "Split", "pattern": {"Regex": {{JsonSerializer.Serialize(regex)}}}, "behavior": "{{behavior}}", "invert": {{invert}}}""";

    private static string Sequence(params ReadOnlySpan<string> steps) => $$"""{"type": "Sequence", "pretokenizers": [{{string.Join(", ", steps)}}]}""";

    private static string ByteLevelModel(string ignoresMerges)
    {
        List<string> tokens = [.. Enumerable.Range(0, 256).Select(value => LetterOf((byte)value))];
        tokens.AddRange(s_merges.Select(merge => merge.Replace(" ", "")));
        tokens.Add("other");
        string vocabulary = string.Join(", ", tokens.Distinct().Select((token, id) => $"{JsonSerializer.Serialize(token)}: {id}"));
        return $$"""{"type": "BPE", "ignore_merges": {{ignoresMerges}}, "vocab": {{{vocabulary}}}, "merges": [{{string.Join(", ", s_merges.Select(merge => JsonSerializer.Serialize(merge)))}}]}""";
    }

    // As GPT-2 counts them: what cannot be printed follows U+0100 in order.
    private static string LetterOf(byte value)
    {
        bool IsPrintable(int candidate) => candidate is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or >= 0xAE;
        return (IsPrintable(value) ? (char)value : (char)(0x100 + Enumerable.Range(0, value).Count(other => !IsPrintable(other)))).ToString();
    }

    private static string Tokenizer(string normalizer, string preTokenizer, string model, string postProcessor)
    {
        int next = JsonDocument.Parse(model).RootElement.GetProperty("vocab").EnumerateObject().Count();
        string Added(string content, bool special, bool normalized, bool singleWord = false, bool left = false, bool right = false) => $$"""
            {"id": {{next++}}, "content": "{{content}}", "special": {{Text(special)}}, "normalized": {{Text(normalized)}}, "single_word": {{Text(singleWord)}}, "lstrip": {{Text(left)}}, "rstrip": {{Text(right)}}}
            """;
        string[] added =
        [
            Added("<s>", true, false), Added("<x>", false, true, right: true), Added("</x>", false, false),
            Added("<mask>", true, false, left: true), Added("<w>", false, true, singleWord: true),
        ];
        return $$"""
            {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{{string.Join(", ", added)}}], "normalizer": {{normalizer}},
             "pre_tokenizer": {{preTokenizer}}, "post_processor": {{postProcessor}}, "decoder": null, "model": {{model}}}
            """;
    }

    private static string Text(bool value) => value ? "true" : "false";
}
