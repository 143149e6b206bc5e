using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Architectures;
using GgufQuant.HuggingFace.Tensors;
using GgufQuant.Tests.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace;

public sealed class RopeFactorsTests : IDisposable
{
    private readonly TemporaryModel _model = new();

    public void Dispose() => _model.Dispose();

    // llama.cpp's converter takes 8 for Llama and 16 for EXAONE 4 where the folder names no factor.
    [Fact]
    public void Long_wavelengths_are_stretched_by_the_architecture_s_own_factor()
    {
        using ModelFolder folder = Open(""" "rope_theta": 10000, "rope_scaling": { "rope_type": "llama3", "original_max_position_embeddings": 8 } """);
        ConversionContext context = Context(folder);
        Assert.Equal(8, LastOf(RopeFactors.OfLlama3(context, [])));
        Assert.Equal(16, LastOf(RopeFactors.OfExaone4(context, [])));
    }

    [Theory]
    [InlineData("longrope", 8192, 1.040833f)]
    [InlineData("yarn", 8192, 1.0693147f)]
    [InlineData("yarn", 4096, 1f)]
    public void Attention_is_scaled_by_how_far_the_context_was_extended(string type, int length, float expected)
    {
        string factors = string.Join(", ", Enumerable.Repeat(1, 8));
        using ModelFolder folder = Open($$""" "max_position_embeddings": {{length}}, "original_max_position_embeddings": 4096, "rope_scaling": { "type": "{{type}}", "long_factor": [{{factors}}], "short_factor": [{{factors}}] } """);
        ConversionContext context = Context(folder);
        Assert.Equal(2, RopeFactors.OfPhi3(context, []).Count());
        Assert.Equal(expected, (float)context.TensorKeys.Single(entry => entry.Key == "phi3.rope.scaling.attn_factor").Value, 1e-6f);
    }

    private ModelFolder Open(string config)
    {
        _model.Write("config.json", $$"""{ "architectures": ["Phi3ForCausalLM"], "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 1, {{config}} }""");
        return _model.Open();
    }

    private static ConversionContext Context(ModelFolder folder) => new(folder, ArchitectureTable.Find(folder.Config)!, folder.Config, tokenCount: 3);

    private static float LastOf(IEnumerable<SourceTensor> tensors)
    {
        TensorValues values = Assert.Single(tensors).Values;
        float[] factors = new float[values.Count];
        values.ReadFloats(0, factors);
        return factors[^1];
    }
}
