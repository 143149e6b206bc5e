using GgufQuant.Models;

namespace GgufQuant.Tests.Models;

public sealed class LayerOffloadTests
{
    private const long MiB = 1 << 20;
    private const long GiB = 1 << 30;

    // Four layers of 100 MiB, half of each experts' but in the first, which is dense.
    private const int Layers = 4;

    private static readonly MemoryOptions s_options = new() { ContextLength = 256, BatchSize = 16 };

    [Fact]
    public void A_model_that_fits_is_on_the_card_except_for_its_embeddings()
    {
        GpuPlacement placement = Divide(Sparse, 1 * GiB);
        Assert.Equal((5, 0, true), (placement.GpuLayers, placement.CpuMoeLayers, placement.IsWhole));
        Assert.Equal((420 * MiB, 30 * MiB), (placement.Gpu.Weights, placement.Host.Weights));
        Assert.Equal("-ngl 5", placement.Arguments);
    }

    [Fact]
    public void Experts_leave_the_card_before_layers_do()
    {
        GpuPlacement placement = Divide(Sparse, 350 * MiB);
        Assert.Equal((5, 3, false), (placement.GpuLayers, placement.CpuMoeLayers, placement.IsWhole));
        Assert.Equal((320 * MiB, 130 * MiB), (placement.Gpu.Weights, placement.Host.Weights));
        Assert.Equal("-ngl 5 --n-cpu-moe 3", placement.Arguments);
    }

    [Fact]
    public void Layers_leave_it_once_all_experts_have()
    {
        GpuPlacement placement = Divide(Sparse, 200 * MiB);
        Assert.Equal((4, 4), (placement.GpuLayers, placement.CpuMoeLayers));
        Assert.Equal(170 * MiB, placement.Gpu.Weights);
    }

    [Fact]
    public void All_experts_stay_on_the_host_if_asked_although_there_is_room()
    {
        GpuPlacement placement = Divide(Sparse, 1 * GiB, cpuMoe: true);
        Assert.Equal((5, 4, false), (placement.GpuLayers, placement.CpuMoeLayers, placement.IsWhole));
        Assert.Equal((270 * MiB, 180 * MiB), (placement.Gpu.Weights, placement.Host.Weights));
    }

    /// <summary>The output is the first to go on the card, and the last layers follow.</summary>
    [Theory]
    [InlineData(0, 0, 450)]
    [InlineData(1, 20, 430)]
    [InlineData(2, 120, 330)]
    [InlineData(5, 420, 30)]
    public void The_last_layers_are_on_the_card_and_first_the_output(int gpuLayers, long gpu, long host)
    {
        GpuPlacement placement = Offload(Sparse).Place(gpuLayers, 0);
        Assert.Equal((gpu * MiB, host * MiB), (placement.Gpu.Weights, placement.Host.Weights));
    }

    [Fact]
    public void A_card_has_a_copy_of_embeddings_that_are_the_output_too()
    {
        ModelWeights tied = ModelWeights.Of(Tensors.Where(tensor => tensor.Name != "output.weight"), Shape("qwen2"));
        Assert.Equal((430 * MiB, 30 * MiB), (Offload(tied).Place(5, 0).Gpu.Weights, Offload(tied).Place(5, 0).Host.Weights));
        Assert.Equal(0, Offload(tied).Place(0, 0).Gpu.Weights);
    }

    [Fact]
    public void What_the_devices_have_together_is_what_the_processor_alone_would_have()
    {
        using Llama8B model = new();
        ModelShape shape = ModelShape.Read(model.File);
        MemoryOptions options = new() { ContextLength = 8192, GpuMemory = 8 * GiB };
        MemoryEstimate divided = MemoryEstimate.Of(ModelWeights.Of(model.File, shape), shape, options);
        MemoryEstimate alone = MemoryEstimate.Of(model.File.Tensors.Sum(tensor => tensor.ByteCount), shape, options with { GpuMemory = null });
        GpuPlacement placement = divided.Placement!;
        Assert.Equal((alone.Weights, alone.Cache), (divided.Weights, divided.Cache));
        Assert.Equal((alone.Weights, alone.Cache), (placement.Gpu.Weights + placement.Host.Weights, placement.Gpu.Cache + placement.Host.Cache));
        Assert.InRange(placement.Gpu.Total, 6 * GiB, 8 * GiB - placement.Reserve);
        // 14 layers of 416 MiB and 32 MiB of cache each, the output's 1,002 MiB, and the buffers.
        Assert.Equal(14, placement.GpuLayers);
        Assert.Equal(13 * 32 * MiB, placement.Gpu.Cache);
        Assert.Equal((13 * 416 * MiB) + (1002 * MiB), placement.Gpu.Weights);
    }

    [Theory]
    [InlineData(1, 1, 10)]
    [InlineData(8, 8, 10)]
    [InlineData(24, 24, 24)]
    public void A_tenth_of_the_card_stays_free_and_at_most_a_gibibyte(long memory, long numerator, long denominator) =>
        Assert.Equal(numerator * GiB / denominator, GpuPlacement.DefaultReserve(memory * GiB));

    [Fact]
    public void A_card_that_is_too_small_for_the_buffers_is_said_to_be()
    {
        using Llama8B model = new();
        ModelShape shape = ModelShape.Read(model.File);
        MemoryEstimate memory = MemoryEstimate.Of(ModelWeights.Of(model.File, shape), shape, new() { ContextLength = 8192, GpuMemory = 256 * MiB });
        Assert.Equal((0, false), (memory.Placement!.GpuLayers, memory.Placement.Fits));
        Assert.Contains(memory.Assumptions, line => line.StartsWith("Even without layers the card would need ", StringComparison.Ordinal));
    }

    [Fact]
    public void Dimensions_of_a_hostile_file_take_no_long_time()
    {
        ModelShape shape = Shape("llama") with { Layers = ShapeKeys.MaxLayers, LayerShapes = [.. Enumerable.Repeat(new LayerShape { HasCache = true, KeyLength = 1L << 39, KeyValueHeads = 1L << 39 }, ShapeKeys.MaxLayers)] };
        MemoryEstimate memory = MemoryEstimate.Of(ModelWeights.Of([("blk.65535.ffn_up_exps.weight", long.MaxValue)], shape), shape, new() { GpuMemory = 1 });
        Assert.Equal(0, memory.Placement!.GpuLayers);
        Assert.Equal(long.MaxValue, memory.Placement.Host.Total);
    }

    [Theory]
    [InlineData("blk.3.ffn_up_exps.weight", true)]
    [InlineData("blk.3.ffn_gate_up_exps.weight", true)]
    [InlineData("blk.3.ffn_down_chexps.weight", true)]
    [InlineData("blk.3.ffn_up_shexp.weight", false)]
    [InlineData("blk.3.ffn_gate_inp.weight", false)]
    public void Experts_are_what_llama_cpp_keeps_on_the_host(string name, bool isExpert) => Assert.Equal(isExpert, TensorNames.IsExpert(name));

    private static IEnumerable<(string Name, long Bytes)> Tensors =>
    [
        ("token_embd.weight", 30 * MiB),
        ("output.weight", 20 * MiB),
        ("blk.0.ffn_up.weight", 100 * MiB),
        .. from layer in Enumerable.Range(1, Layers - 1)
           from tensor in new[] { ($"blk.{layer}.attn_q.weight", 50 * MiB), ($"blk.{layer}.ffn_up_exps.weight", 50 * MiB) }
           select tensor,
    ];

    private static ModelWeights Sparse => ModelWeights.Of(Tensors, Shape("qwen2moe"));

    private static ModelShape Shape(string architecture) => new() { Architecture = architecture, Layers = Layers };

    private static LayerOffload Offload(ModelWeights weights) => new(weights, Shape("qwen2moe"), ContextPlan.Of(Shape("qwen2moe"), s_options));

    private static GpuPlacement Divide(ModelWeights weights, long memory, bool cpuMoe = false) => Offload(weights).Divide(memory, 0, cpuMoe);
}
