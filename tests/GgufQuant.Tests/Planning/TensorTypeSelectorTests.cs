using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Planning;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Planning;

/// <summary>Tensor type selection, compared with the types that llama_model_quantize chooses in a dry run.</summary>
public sealed class TensorTypeSelectorTests(TestModels models) : IClassFixture<TestModels>
{
    public static TheoryData<string, FileType> ModelsAndTypes => new(
        from model in TestModel.Names.Append("sample")
        from type in Enum.GetValues<FileType>()
        where type != FileType.NVFP4 && (model is not ("narrow" or "ragged") || type != FileType.Q1_0)
        select (model, type));

    [Theory]
    [MemberData(nameof(ModelsAndTypes))]
    public void Types_are_those_that_llama_chooses(string model, FileType type) =>
        AssertSameTypes(model, type, new QuantizationOptions(), new ReferenceQuantizerOptions());

    [Theory]
    [MemberData(nameof(ModelsAndTypes))]
    public void Types_of_a_pure_file_are_those_that_llama_chooses(string model, FileType type)
    {
        AssertSameTypes(model, type, new QuantizationOptions { Pure = true }, new ReferenceQuantizerOptions { Pure = true });
    }

    [Theory]
    [InlineData("dense", FileType.Q4_K_M)]
    [InlineData("dense", FileType.Q4_0)]
    [InlineData("dense", FileType.F16)]
    [InlineData("tied", FileType.Q3_K_M)]
    [InlineData("experts-8", FileType.IQ3_XS)]
    [InlineData("falcon", FileType.Q4_K_M)]
    [InlineData("narrow", FileType.Q6_K)]
    public void Overrides_give_the_types_that_llama_chooses(string model, FileType type)
    {
        (string Pattern, GgmlType Type)[] rules = [("blk\\.[02]\\.ffn_down", GgmlType.Q8_0), ("ffn_down", GgmlType.Q5_K), ("attn_(q|v)", GgmlType.F16)];
        QuantizationOptions options = new() { TensorTypes = [.. rules.Select(rule => new TensorTypeRule(rule.Pattern, rule.Type))] };
        ReferenceQuantizerOptions reference = new() { TensorTypes = rules };
        AssertSameTypes(model, type, options, reference);
        AssertSameTypes(model, type, options with { Pure = true }, reference with { Pure = true });
        AssertSameTypes(model, type, options with { LeaveOutputTensor = true }, reference with { LeaveOutputTensor = true });
        AssertSameTypes(
            model, type,
            options with { OutputTensorType = GgmlType.Q8_0, TokenEmbeddingType = GgmlType.Q4_0 },
            reference with { OutputTensorType = GgmlType.Q8_0, TokenEmbeddingType = GgmlType.Q4_0 });
        AssertSameTypes(model, type, options with { OutputTensorType = GgmlType.F16 }, reference with { OutputTensorType = GgmlType.F16 });
        AssertSameTypes(model, type, options with { TokenEmbeddingType = GgmlType.Q5_1 }, reference with { TokenEmbeddingType = GgmlType.Q5_1 });
    }

    [ReferenceTheory]
    [InlineData("narrow", FileType.Q1_0)]
    [InlineData("ragged", FileType.Q1_0)]
    [InlineData("dense", FileType.NVFP4)]
    public void Files_that_llama_rejects_are_rejected(string model, FileType type)
    {
        string path = models.PathOf(model);
        using GgufFile file = GgufFile.Open(path);
        Assert.Throws<InvalidOperationException>(() => ReferenceQuantizer.ChooseTypes(path, type, new ReferenceQuantizerOptions()));
        Assert.Throws<QuantizationException>(() => QuantizationPlan.ChooseTypes(file, type, new QuantizationOptions()));
    }

    [Fact]
    public void Patterns_match_whatever_the_case_and_the_first_decides()
    {
        QuantizationOptions options = new()
        {
            TensorTypes = [new TensorTypeRule("FFN_DOWN", GgmlType.Q6_K), new TensorTypeRule("ffn_down", GgmlType.Q8_0), new TensorTypeRule(@"blk\.\D", GgmlType.F32)],
        };
        using GgufFile file = GgufFile.Open(models.PathOf("dense"));
        List<PlannedTensor> tensors = QuantizationPlan.ChooseTypes(file, FileType.Q4_K_S, options);
        Assert.All(tensors.Where(tensor => tensor.Name.Contains("ffn_down", StringComparison.Ordinal)), tensor => Assert.Equal(GgmlType.Q6_K, tensor.Target));
        Assert.DoesNotContain(tensors, tensor => tensor.Target == GgmlType.F32 && !tensor.IsCopied);
    }

    [Fact]
    public void A_rule_can_apply_to_some_layers_only()
    {
        QuantizationOptions options = new() { TensorTypes = [new TensorTypeRule("weight", GgmlType.Q8_0, [0, 17])] };
        using GgufFile file = GgufFile.Open(models.PathOf("dense"));
        List<PlannedTensor> tensors = QuantizationPlan.ChooseTypes(file, FileType.Q4_K_S, options);
        string[] given = [.. tensors.Where(tensor => tensor.Target == GgmlType.Q8_0).Select(tensor => tensor.Name)];
        Assert.Equal(14, given.Length);
        Assert.All(given, name => Assert.Matches(@"^blk\.(0|17)\.", name));
    }

    [Theory]
    [InlineData("output.weight", "output")]
    [InlineData("token_embd.weight", "the type of Q4_K_M")]
    [InlineData("output_norm.weight", "one-dimensional tensors are kept")]
    [InlineData("blk.0.attn_v.weight", "attn_v: one of the layers given more bits")]
    [InlineData("blk.3.ffn_down.weight", "the type of Q4_K_M")]
    public void A_plan_names_the_rule_behind_each_type(string tensor, string rule)
    {
        using GgufFile file = GgufFile.Open(models.PathOf("dense"));
        List<PlannedTensor> tensors = QuantizationPlan.ChooseTypes(file, FileType.Q4_K_M, new QuantizationOptions());
        Assert.Equal(rule, tensors.Single(planned => planned.Name == tensor).Rule);
    }

    private void AssertSameTypes(string model, FileType type, QuantizationOptions options, ReferenceQuantizerOptions referenceOptions)
    {
        Skip.UnlessMade(model, type);
        string path = models.PathOf(model);
        using GgufFile file = GgufFile.Open(path);
        string expected = string.Join("\n", ReferenceQuantizer.ChooseTypes(path, type, referenceOptions).Select(tensor => $"{tensor.Name} {tensor.Type}"));
        string actual = string.Join("\n", QuantizationPlan.ChooseTypes(file, type, options).Select(tensor => $"{tensor.Name} {tensor.Format}"));
        Assert.Equal(expected, actual);
    }
}
