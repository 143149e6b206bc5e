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
    [InlineData("model-UD-Q4_K_XL.gguf", "Q4_K_XL", "model-UD")]
    [InlineData("Q4_0.gguf", "Q4_0", "Q4_0")]
    [InlineData("model-q4-k-m.gguf", "q4_k_m", "model")]
    public void A_files_name_gives_the_quantization_and_the_model(string file, string quantization, string model)
    {
        Assert.True(QuantName.TryFindInFileName(file, out string? name));
        Assert.Equal(quantization, name);
        Assert.Equal(model, QuantName.WithoutQuantization(file));
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
        Assert.Contains("publisher's own mix", QuantName.Explain("Q4_K_XL")[2].Meaning);
        Assert.Contains("medium", QuantName.Explain("IQ2_M")[1].Meaning);
    }
}
