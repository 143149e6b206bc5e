using GgufQuant.Evaluation.Reports;
using GgufQuant.Formats;
using YamlDotNet.RepresentationModel;

namespace GgufQuant.Evaluation.Tests.Reports;

public sealed class ModelCardTests
{
    private const string Hash = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";

    [Fact]
    public void The_front_matter_says_what_the_hub_asks()
    {
        YamlMappingNode metadata = FrontMatter(Card() with { BaseModel = "meta-llama/Llama-2-7b", QuantizedBy = "someone" });

        Assert.Equal("meta-llama/Llama-2-7b", Scalar(metadata, "base_model"));
        Assert.Equal("quantized", Scalar(metadata, "base_model_relation"));
        Assert.Equal("someone", Scalar(metadata, "quantized_by"));
        Assert.Equal(["gguf", "quantized"], ((YamlSequenceNode)metadata.Children["tags"]).Select(node => ((YamlScalarNode)node).Value));
    }

    [Theory]
    [InlineData("\"quoted\" \\ back: slash # no comment")]
    [InlineData("'single' {braces} [brackets] &anchor *alias !tag %x @y")]
    [InlineData("null")]
    [InlineData("---")]
    [InlineData("Ünïcode 模型 🦙")]
    public void Every_name_survives_as_YAML(string name)
    {
        YamlMappingNode metadata = FrontMatter(Card() with { BaseModel = name, QuantizedBy = name });

        Assert.Equal(name, Scalar(metadata, "base_model"));
        Assert.Equal(name, Scalar(metadata, "quantized_by"));
        Assert.Equal(5, metadata.Children.Count);
    }

    [Fact]
    public void Lines_in_names_add_no_metadata()
    {
        YamlMappingNode metadata = FrontMatter(Card() with { QuantizedBy = "a\"\nlicense: mit\n---\n\u2028x" });

        Assert.DoesNotContain("license", metadata.Children.Keys.Select(key => ((YamlScalarNode)key).Value));
        Assert.Equal("a\"\\u000Alicense: mit\\u000A---\\u000A\\u2028x", Scalar(metadata, "quantized_by"));
    }

    [Fact]
    public void A_file_has_its_size_divergence_use_and_hash()
    {
        string line = Assert.Single(Card().Write().Split('\n'), line => line.StartsWith("| m-Q4_K_M.gguf ", StringComparison.Ordinal));

        Assert.StartsWith("| m-Q4_K_M.gguf | Q4_K_M | 3.00 MiB | 4.87 | 0.0050 ± 0.0003 | The usual choice", line, StringComparison.Ordinal);
        Assert.EndsWith($"| `{Hash.ToLowerInvariant()}` |", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_names_stay_in_their_cells_and_strings()
    {
        string text = (Card() with { Files = [Card().Files[0] with { Name = "a|b`<i>'; rm -r ```.gguf" }] }).Write();

        Assert.Contains("| a\\|b\\`\\<i>", text, StringComparison.Ordinal);
        Assert.Contains("Compare-Quant 'a|b`<i>''; rm -r ```.gguf' -Reference", text, StringComparison.Ordinal);
        Assert.Equal(2, text.Split('\n').Count(line => line.StartsWith("````", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("'")]
    [InlineData("‘")]
    [InlineData("’")]
    [InlineData("‚")]
    [InlineData("‛")]
    public void A_quote_of_any_kind_is_doubled_in_commands(string quote)
    {
        string text = (Card() with { Files = [Card().Files[0] with { Name = $"a{quote}b.gguf" }] }).Write();

        Assert.Contains($"Compare-Quant 'a{quote}{quote}b.gguf' -Reference", text, StringComparison.Ordinal);
    }

    [Fact]
    public void No_command_is_given_for_a_calibrated_file()
    {
        string text = (Card() with { Files = [Card().Files[0] with { IsCalibrated = true }] }).Write();

        Assert.DoesNotContain("ConvertTo-Quantized", text, StringComparison.Ordinal);
        Assert.Contains("- Rounded with a calibration: m-Q4_K_M.gguf\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_are_those_that_make_the_files()
    {
        ModelCardFile plain = Card().Files[0];
        string text = (Card() with
        {
            Corpus = "heldout.txt",
            Chunks = 4,
            Files = [plain, plain with { Name = "m-IQ2_XS.gguf", Type = FileType.IQ2_XS, Matrix = "imatrix.gguf", Dataset = "calibration.txt" }, plain with { Name = "x.gguf", IsPlain = false }],
        }).Write();

        Assert.Contains("\nConvertTo-Quantized 'm-f16.gguf' -Type Q4_K_M\n", text, StringComparison.Ordinal);
        Assert.Contains("\nConvertTo-Quantized 'm-f16.gguf' -Type IQ2_XS -ImportanceMatrix 'imatrix.gguf'\n", text, StringComparison.Ordinal);
        Assert.Contains("\nCompare-Quant 'm-Q4_K_M.gguf', 'm-IQ2_XS.gguf', 'x.gguf' -Reference 'm-f16.gguf' -Corpus 'heldout.txt' -ChunkCount 4\n", text, StringComparison.Ordinal);
        Assert.Contains("- With the importance matrix imatrix.gguf, collected on calibration.txt: m-IQ2_XS.gguf\n", text, StringComparison.Ordinal);
    }

    private static ModelCard Card() => new("m", "m-f16.gguf",
    [
        new("m-Q4_K_M.gguf", 3 << 20, 4.87, [Hash]) { Type = FileType.Q4_K_M, Divergence = new(0.005, 0.0003), IsPlain = true },
    ]);

    private static YamlMappingNode FrontMatter(ModelCard card)
    {
        string text = card.Write();
        Assert.StartsWith("---\n", text, StringComparison.Ordinal);
        YamlStream stream = new();
        int end = text.IndexOf("\n---\n", 4, StringComparison.Ordinal);
        stream.Load(new StringReader(text[4..(end + 1)]));
        return (YamlMappingNode)Assert.Single(stream.Documents).RootNode;
    }

    private static string? Scalar(YamlMappingNode metadata, string key) => ((YamlScalarNode)metadata.Children[key]).Value;
}
