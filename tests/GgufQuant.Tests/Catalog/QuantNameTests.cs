using GgufQuant.Catalog;

namespace GgufQuant.Tests.Catalog;

public class QuantNameTests
{
    [Theory]
    [InlineData("model-Q4_K_M.gguf", "Q4_K_M", "model")]
    [InlineData("Meta-Llama-3.1-8B-Instruct-IQ2_XXS.gguf", "IQ2_XXS", "Meta-Llama-3.1-8B-Instruct")]
    [InlineData("qwen2.5-0.5b-instruct-q5_k_s.gguf", "q5_k_s", "qwen2.5-0.5b-instruct")]
    [InlineData("model.Q8_0.gguf", "Q8_0", "model")]
    [InlineData("model-fp16.gguf", "fp16", "model")]
    [InlineData("model-BF16-00001-of-00009.gguf", "BF16", "model")]
    [InlineData("gpt-oss-20b-MXFP4_MOE.gguf", "MXFP4_MOE", "gpt-oss-20b")]
    [InlineData("/models/Q8/model-TQ1_0.gguf", "TQ1_0", "model")]
    [InlineData(@"C:\models\model-IQ4_NL.GGUF", "IQ4_NL", "model")]
    [InlineData("model-UD-Q4_K_XL.gguf", "UD-Q4_K_XL", "model")]
    [InlineData("model-UD-Q4_K_M.gguf", "UD-Q4_K_M", "model")]
    [InlineData("model-Q4_0_4_4.gguf", "Q4_0_4_4", "model")]
    [InlineData("model-Q4_0_8_8-00001-of-00002.gguf", "Q4_0_8_8", "model")]
    [InlineData("model-IQ4_KSS.gguf", "IQ4_KSS", "model")]
    [InlineData("model-IQ2_KT.gguf", "IQ2_KT", "model")]
    [InlineData("model.Q6_K_R4.gguf", "Q6_K_R4", "model")]
    [InlineData("model-iq4_xs_r8.gguf", "iq4_xs_r8", "model")]
    [InlineData("model-Q6_K_L.gguf", "Q6_K_L", "model")]
    [InlineData("Q4_0.gguf", "Q4_0", "Q4_0")]
    [InlineData("-Q4_0.gguf", "Q4_0", "-Q4_0")]
    [InlineData("F16-to-Q4-model-Q5_K_M.gguf", "Q5_K_M", "F16-to-Q4-model")]
    [InlineData("model-q4-k-m.gguf", "q4_k_m", "model")]
    public void A_files_name_gives_the_quantization_and_the_model(string file, string quantization, string model)
    {
        Assert.True(QuantName.TryFindInFileName(file, out string? name));
        Assert.Equal(quantization, name);
        Assert.Equal(model, QuantName.WithoutQuantization(file));
    }

    [Theory]
    [InlineData("model-UD-Q4_K_M.gguf", "dynamic quantization")]
    [InlineData("model-UD-Q2_K_XL.gguf", "dynamic quantization")]
    [InlineData("model-Q4_K_XL.gguf", "publisher's own selection")]
    [InlineData("model-Q4_0_4_4.gguf", "has removed it")]
    [InlineData("model-IQ4_KSS.gguf", "fork")]
    [InlineData("model-IQ2_KT.gguf", "fork")]
    [InlineData("model-Q6_K_R4.gguf", "fork")]
    [InlineData("model-IQ4_XS_R8.gguf", "rows interleaved for the fork")]
    [InlineData("model-iq4_xs_r8.gguf", "rows interleaved for the fork")]
    public void A_forks_or_publishers_name_is_not_taken_for_its_neighbour(string file, string meaning)
    {
        Assert.True(QuantName.TryFindInFileName(file, out string? name));
        Assert.False(QuantCatalog.TryFind(name, out _), name);
        Assert.Contains(QuantName.Explain(name), part => part.Meaning.Contains(meaning, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("model.gguf")]
    [InlineData("iq-test.gguf")]
    [InlineData("FAQ4U.gguf")]
    [InlineData("")]
    public void A_name_without_one_gives_none(string file) => Assert.False(QuantName.TryFindInFileName(file, out _));

    [Fact]
    public void A_name_is_explained_piece_by_piece()
    {
        Assert.Equal(["Q4", "_K", "_M"], QuantName.Explain("Q4_K_M").Select(part => part.Text));
        Assert.Equal(["IQ3", "_XXS"], QuantName.Explain("IQ3_XXS").Select(part => part.Text));
        Assert.Equal(["TQ2", "_0"], QuantName.Explain("TQ2_0").Select(part => part.Text));
        Assert.Equal(["BF16"], QuantName.Explain("BF16").Select(part => part.Text));
        Assert.Empty(QuantName.Explain("model"));
        Assert.Contains("publisher's own selection", QuantName.Explain("Q4_K_XL")[2].Meaning);
        Assert.Contains("medium", QuantName.Explain("IQ2_M")[1].Meaning);
    }
}
