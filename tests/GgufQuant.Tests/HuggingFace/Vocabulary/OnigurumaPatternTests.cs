using System.Text.RegularExpressions;
using GgufQuant.HuggingFace.Vocabulary.Tokenization;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

public sealed class OnigurumaPatternTests
{
    [Theory]
    [InlineData("[a-c&&[^b]]+", "abcca", "a|cca")]
    [InlineData("[^a-c&&[b-d]]+", "abcdx", "a|dx")]
    [InlineData("[a[x-z]]+", "axbz", "ax|z")]
    [InlineData(@"[\w&&[^\d_]]+", "ab1_c", "ab|c")]
    [InlineData(@"[]a]+", "a]b", "a]")]
    [InlineData(@"[\]\-\\a-]+", @"]-\b", @"]-\")]
    [InlineData(@"[+--]+", "+,-.", "+,-")]
    [InlineData(@"\p{Han}+|\P{Han}", "中文a", "中文|a")]
    [InlineData(@"\p{^L}+", "a12b", "12")]
    [InlineData(@"\x41\x{42}\u0043", "ABC", "ABC")]
    [InlineData(@"(?i:'S)|a{,2}b", "'s aaab", "'s|aab")]
    [InlineData(@"(?m:a.b)", "a\nb", "a\nb")]
    [InlineData(@"a.b", "a\nb", "")]
    [InlineData(@"a{2}+", "aaaaa", "aaaa")]
    [InlineData(@"^b$", "a\nb\nc", "b")]
    [InlineData(@"a++a|b", "aab", "b")]
    [InlineData(@"a{x}", "a{x}", "a{x}")]
    [InlineData(@"\h+", "xAf9g", "Af9")]
    public void Matches_are_Onigurumas(string pattern, string text, string matches) =>
        Assert.Equal(matches, string.Join('|', Regex.Matches(text, OnigurumaPattern.Translate(pattern), RegexOptions.Multiline).Select(match => match.Value)));

    [Theory]
    [InlineData("(")]
    [InlineData(")")]
    [InlineData("[a")]
    [InlineData("[]")]
    [InlineData("[z-a]")]
    [InlineData("*")]
    [InlineData("a|+")]
    [InlineData(@"\")]
    [InlineData(@"\p{")]
    [InlineData(@"\X")]
    [InlineData(@"(?<name>a)")]
    [InlineData(@"(?#a)")]
    [InlineData("[[:alpha:]]")]
    [InlineData("🦙")]
    [InlineData(@"\ud83e")]
    public void What_is_not_translated_is_said(string pattern) => Assert.Throws<UnsupportedTokenizerException>(() => OnigurumaPattern.Translate(pattern));

    [Fact]
    public void Nesting_has_a_bound()
    {
        Assert.Throws<UnsupportedTokenizerException>(() => OnigurumaPattern.Translate(new string('(', 10_000)));
        Assert.Throws<UnsupportedTokenizerException>(() => OnigurumaPattern.Translate(new string('[', 10_000)));
    }
}
