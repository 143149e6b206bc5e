using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Tests.Planning;

/// <summary>Metadata of every type and value where the planner reads: a plan, or the documented exception.</summary>
public sealed class PlannerFuzzTests
{
    private const int Mutations = 20_000;

    private static readonly object[] s_values =
    [
        "", "llama", "\0", "llama\0", "a b", new string('x', 60_000), "../..", "\u001b[2J", "nanbeige", "falcon", "deepseek2", "clip",
        (byte)0, (sbyte)-1, ushort.MaxValue, short.MinValue, 0u, 1u, 8u, 80u, uint.MaxValue, int.MinValue, int.MaxValue,
        0UL, ulong.MaxValue, long.MinValue, long.MaxValue, true, false, 0f, -1f, float.NaN, float.PositiveInfinity, double.MaxValue, double.NaN,
        Array.Empty<uint>(), new uint[] { 0 }, new int[] { -1, 4 }, new ulong[] { ulong.MaxValue, 0 }, new long[] { long.MinValue },
        new float[] { float.NaN }, new bool[] { true }, new string[] { "" }, new string[] { "\0", "a" }, Enumerable.Range(0, 3000).ToArray(),
    ];

    private static readonly string[] s_names =
    [
        "token_embd.weight", "output.weight", "per_layer_token_embd.weight", "", "blk.", "blk.0.", "blk.-1.attn_v.weight", "blk. 0.attn_v.weight",
        "blk.0.attn_v.weight", "blk.1.ffn_down.weight", "blk.2147483647.ffn_down.weight", "blk.2147483648.ffn_down.weight", "blk.99999999999999999999.ffn_up.weight",
        "blk.0.ffn_down_exps.weight", "blk.0.ffn_gate_up_exps.weight", "blk.0.attn_qkv.weight", "enc.blk.0.attn_q.weight", "v.blk.0.attn_out.weight",
        "blk.0.\u001b]0;x\u0007.weight", "blk.٣.attn_v.weight", "weight", ".weight", "blk.0.attn_kv_b.weight",
    ];

    private static readonly GgmlType[] s_sources = [GgmlType.F32, GgmlType.F16, GgmlType.BF16, GgmlType.Q4_0, GgmlType.I32, GgmlType.F64];

    private static readonly long[] s_dimensions = [0, 1, 2, 31, 32, 255, 256, 257, 512];

    [Fact]
    public void Every_outcome_is_a_plan_or_the_documented_exception()
    {
        FileType[] types = Enum.GetValues<FileType>();
        int planned = 0;
        Parallel.For(0, Mutations, i =>
        {
            Random random = new(i);
            using GgufFile file = Make(random);
            QuantizationOptions options = new()
            {
                AllowRequantize = random.Next(2) == 0,
                Pure = random.Next(4) == 0,
                PruneLayers = random.Next(4) == 0 ? [random.Next(3)] : [],
                Split = random.Next(6) == 0 ? new() { MaxTensors = 1 + random.Next(3) } : null,
            };
            try
            {
                _ = random.Next(5) == 0 ? QuantizationPlan.CreateCopy(file, options) : QuantizationPlan.Create(file, types[random.Next(types.Length)], options);
                Interlocked.Increment(ref planned);
            }
            catch (Exception exception)
            {
                Assert.True(exception is QuantizationException, $"Mutation {i}: {exception}");
            }
            _ = ModelInfo.Read(file);
        });
        TestContext.Current.TestOutputHelper?.WriteLine($"{planned} of {Mutations} planned");
        Assert.InRange(planned, Mutations / 20, Mutations * 19 / 20);
    }

    [Fact]
    public void A_zero_byte_in_the_architecture_is_told()
    {
        using GgufFile file = GgufFiles.OpenZeros("fuzzed.gguf", [GgufEntry.Create("general.architecture", "llama\0")], [new("blk.0.attn_v.weight", GgmlType.F32, [256, 1]), new("blk.1.attn_v.weight", GgmlType.F32, [256, 1])]);
        Assert.NotEmpty(QuantizationPlan.Create(file, FileType.Q4_K_M).Tensors);
        Assert.Contains("names no architecture", Assert.Throws<QuantizationException>(() => QuantizationPlan.Create(file, FileType.Q4_K_M, new() { PruneLayers = [0] })).Message, StringComparison.Ordinal);
    }

    private static GgufFile Make(Random random)
    {
        string architecture = random.Next(3) == 0 ? Pick(s_values, random) as string ?? "llama" : "llama";
        string[] keys =
        [
            "general.file_type", "general.quantization_version", "general.name", "general.type",
            .. architecture.Contains('\0') || architecture.Length > 1000 ? [] : (IEnumerable<string>)[
                $"{architecture}.block_count", $"{architecture}.expert_count", $"{architecture}.attention.head_count", $"{architecture}.attention.head_count_kv",
                $"{architecture}.num_loops", $"{architecture}.context_length", $"{architecture}.embedding_length", $"{architecture}.attention.sliding_window"],
        ];
        IEnumerable<GgufEntry> metadata = keys.Where(_ => random.Next(2) == 0).Select(key => GgufEntry.Create(key, Pick(s_values, random)));
        object named = random.Next(20) == 0 ? Pick(s_values, random) : architecture;
        GgufTensorInfo[] tensors =
        [
            .. s_names.Where(_ => random.Next(3) == 0).Select(name =>
            {
                GgmlType type = Pick(s_sources, random);
                long row = Pick(s_dimensions, random);
                return new GgufTensorInfo(name, type, [type == GgmlType.Q4_0 ? row / 32 * 32 : row, Pick(s_dimensions, random), .. random.Next(4) == 0 ? [2L] : (long[])[]]);
            }),
        ];
        return GgufFiles.OpenZeros("fuzzed.gguf", [GgufEntry.Create("general.architecture", named), .. metadata], tensors);
    }

    private static T Pick<T>(T[] values, Random random) => values[random.Next(values.Length)];
}
