using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Planning;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Planning;

public sealed class ImageModelRulesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("flux", "img_in.weight", true)]
    [InlineData("flux", "final_layer.linear.weight", true)]
    [InlineData("flux", "double_blocks.0.img_mlp.0.weight", false)]
    [InlineData("sdxl", "out.2.weight", true)]
    [InlineData("sdxl", "output_blocks.0.out.2.weight", false)]
    [InlineData("sd3", "x_embedder.proj.weight", true)]
    [InlineData("aura", "modF.1.weight", true)]
    [InlineData("aura", "double_layers.0.modF.1.weight", false)]
    [InlineData("ltxv", "proj_out.weight", true)]
    [InlineData("hyvid", "guidance_in.mlp.0.weight", true)]
    [InlineData("wan", "blocks.0.ffn.0.weight", false)]
    [InlineData("wan", "head.head.weight", true)]
    [InlineData("hidream", "blocks.0.ff_i.gate.weight", true)]
    [InlineData("cosmos", "t_embedding_norm.weight", true)]
    [InlineData("lumina2", "noise_refiner.0.attention.out.weight", true)]
    public void Inputs_and_outputs_are_kept(string architecture, string name, bool isKept) =>
        Assert.Equal(isKept ? GgmlType.F16 : GgmlType.Q8_0, Assert.Single(TypesOf(architecture, FileType.Q8_0, (name, [256, 4]))));

    [Fact]
    public void Convolutions_are_kept() =>
        Assert.Equal([GgmlType.F16, GgmlType.Q8_0], TypesOf("sd1", FileType.Q8_0, ("a.weight", [32, 3, 3, 4]), ("b.weight", [32, 3, 1, 1])));

    [Theory]
    [InlineData(FileType.Q2_K, GgmlType.Q3_K, GgmlType.Q2_K, GgmlType.Q2_K, GgmlType.Q2_K)]
    [InlineData(FileType.Q3_K_S, GgmlType.Q3_K, GgmlType.Q3_K, GgmlType.Q3_K, GgmlType.Q3_K)]
    [InlineData(FileType.Q3_K_L, GgmlType.Q5_K, GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q3_K)]
    [InlineData(FileType.Q4_K_M, GgmlType.Q6_K, GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.Q4_K)]
    [InlineData(FileType.Q5_K_M, GgmlType.Q6_K, GgmlType.Q6_K, GgmlType.Q6_K, GgmlType.Q5_K)]
    [InlineData(FileType.Q4_0, GgmlType.Q4_0, GgmlType.Q4_0, GgmlType.Q4_1, GgmlType.Q4_0)]
    [InlineData(FileType.Q5_0, GgmlType.Q5_0, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.Q5_0)]
    [InlineData(FileType.Q6_K, GgmlType.Q6_K, GgmlType.Q6_K, GgmlType.Q6_K, GgmlType.Q6_K)]
    public void Types_follow_the_role(FileType type, GgmlType value, GgmlType fused, GgmlType down, GgmlType other)
    {
        Assert.Equal(
            [value, fused, down, down, other],
            TypesOf("flux", type, ("a.to_v.weight", [256, 4]), ("a.attn.qkv.weight", [256, 4]), ("a.ff.net.2.weight", [256, 4]), ("a.experts.3.w2.weight", [256, 4]), ("a.to_q.weight", [256, 4])));
    }

    [Fact]
    public void The_first_values_are_more_precise()
    {
        (string, long[])[] values = [.. Enumerable.Range(0, 5).Select(i => ($"b.{i}.to_v.weight", (long[])[256, 4]))];
        Assert.Equal([GgmlType.Q5_K, GgmlType.Q5_K, GgmlType.Q4_K, GgmlType.Q4_K, GgmlType.Q4_K], TypesOf("wan", FileType.Q3_K_M, values));
        Assert.Equal([GgmlType.Q5_K, GgmlType.Q5_K, GgmlType.Q5_K, GgmlType.Q5_K, GgmlType.Q4_K], TypesOf("wan", FileType.Q4_K_S, values));
    }

    [Fact]
    public void Rows_that_are_no_whole_blocks_stay_halves() =>
        Assert.Equal([GgmlType.F16, GgmlType.Q8_0], [.. TypesOf("sd3", FileType.Q4_K_M, ("a.weight", [96, 4])), .. TypesOf("sd3", FileType.Q8_0, ("a.weight", [96, 4]))]);

    [Fact]
    public void Options_go_before_the_rules()
    {
        QuantizationOptions options = new() { TensorTypes = [new TensorTypeRule("to_v", GgmlType.Q8_0)] };
        Assert.Equal([GgmlType.Q8_0], TypesWith(options, "flux", FileType.Q4_K_M, ("a.to_v.weight", [256, 4])));
        Assert.Equal([GgmlType.Q4_K], TypesWith(new() { Pure = true }, "flux", FileType.Q4_K_M, ("a.to_v.weight", [256, 4])));
    }

    [Fact]
    public void Only_known_architectures_have_such_rules()
    {
        Assert.True(PlanFor("flux", FileType.Q8_0, new(), ("a.weight", [256, 4])).HasFittingRules);
        Assert.False(PlanFor("vocoder", FileType.Q8_0, new(), ("a.weight", [256, 4])).HasFittingRules);
        Assert.Equal([GgmlType.Q4_1], TypesOf("flux", FileType.Q4_0, ("a.mlp.layer2.weight", [256, 4])));
        Assert.Equal([GgmlType.Q4_0], TypesOf("vocoder", FileType.Q4_0, ("a.mlp.layer2.weight", [256, 4])));
    }

    private GgmlType[] TypesOf(string architecture, FileType type, params (string, long[])[] tensors) => TypesWith(new(), architecture, type, tensors);

    private GgmlType[] TypesWith(QuantizationOptions options, string architecture, FileType type, params (string Name, long[])[] tensors)
    {
        QuantizationPlan plan = PlanFor(architecture, type, options, tensors);
        return [.. tensors.Select(tensor => plan.Tensors.Single(planned => planned.Name == tensor.Name).Target)];
    }

    private QuantizationPlan PlanFor(string architecture, FileType type, QuantizationOptions options, params (string Name, long[] Shape)[] tensors)
    {
        string path = _folder.File("image.gguf");
        File.WriteAllBytes(path, GgufBytes.Write([("general.architecture", architecture)], [.. tensors.Select(tensor => GgufBytes.Tensor(tensor.Name, GgmlType.F16, tensor.Shape))]));
        using GgufFile file = GgufFile.Open(path);
        return QuantizationPlan.Create(file, type, options);
    }
}
