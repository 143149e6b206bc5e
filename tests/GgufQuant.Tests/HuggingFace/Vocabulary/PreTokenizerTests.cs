using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

public sealed class PreTokenizerTests
{
    [Fact]
    public void The_check_text_is_the_converters() => Assert.Equal(
        "a36179c1e2b1cfcfbfad1dc779addad2ffc778201e4cf0d538bddeafa2c526da",
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(PreTokenizerHash.CheckText))));

    [Fact]
    public void The_table_has_91_hashes()
    {
        Assert.Equal(91, PreTokenizerNames.Count);
        Assert.Equal("llama-bpe", PreTokenizerNames.Find("0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5"));
        Assert.Null(PreTokenizerNames.Find(""));
    }

    [Fact]
    public void The_hash_is_that_of_the_list_as_Python_writes_it() =>
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("[1, 20, 300]"u8)), PreTokenizerHash.Of([1, 20, 300]));

    [Theory]
    [InlineData("llama3_bpe", "llama-bpe")]
    [InlineData("qwen2", "qwen2")]
    [InlineData("stablelm2", "stablelm2")]
    [InlineData("granite", "gpt-2")]
    [InlineData("bert", "bert-bge")]
    public void An_unknown_one_is_an_error_with_the_name_of_one_that_has_the_same_rules(string name, string likely)
    {
        GoldenModel model = new(name);
        UnknownPreTokenizerException exception = Assert.Throws<UnknownPreTokenizerException>(() => model.Read(preTokenizer: null));
        Assert.Equal(likely, exception.LikelyName);
        Assert.Contains(model.Hash!, exception.Message);
        Assert.Contains($"'{likely}'", exception.Message);
    }

    [Fact]
    public void Unknown_rules_give_no_name()
    {
        using JsonDocument tokenizer = JsonDocument.Parse("""{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated"}}""");
        Assert.Null(PreTokenizerRules.FindName(tokenizer.RootElement));
    }
}
