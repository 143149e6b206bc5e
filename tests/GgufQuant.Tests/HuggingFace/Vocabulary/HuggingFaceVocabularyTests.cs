using System.Globalization;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

public sealed class HuggingFaceVocabularyTests
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static TheoryData<string> Models => GoldenModel.Names;

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_key_and_its_place_are_the_converters(string name)
    {
        GoldenModel model = new(name);
        VocabularyKeys keys = model.Read(model.PreTokenizer);
        Assert.Equal(model.Expected, keys.Entries.Select(Describe));
        Assert.Equal(keys.Entries.Single(entry => entry.Key == GgufKeys.Tokens).Count, keys.TokenCount!.Value);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void The_hash_of_the_pre_tokenizer_is_the_converters(string name)
    {
        GoldenModel model = new(name);
        if (model.Hash is null)
            model.Read(preTokenizer: null);
        else
            Assert.Equal(model.Hash, Assert.Throws<UnknownPreTokenizerException>(() => model.Read(preTokenizer: null)).Hash);
    }

    [Fact]
    public void The_description_counts_the_tokens_of_each_type() => Assert.Equal(
        "gpt2, pre-tokenizer qwen2: 327 tokens (316 normal, 3 control, 3 user-defined, 5 unused)", new GoldenModel("qwen2").Read("qwen2").Description);

    private static string Describe(GgufEntry entry) => entry.Type == GgufValueType.Array
        ? $"{entry.Key}\t{entry.ElementType}[{entry.Count}]\t{Convert.ToHexStringLower(SHA256.HashData(entry.GetEncodedValue().Span))[..16]}"
        : $"{entry.Key}\t{entry.Type}\t{(entry.Value is string text ? JsonSerializer.Serialize(text, s_plain) : Convert.ToString(entry.Value, CultureInfo.InvariantCulture))}";
}
