using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Tests.Calibration;

namespace GgufQuant.Tests.Allocation;

/// <summary>Files of a size, with made-up coefficients.</summary>
public sealed class TypeAllocatorTests : IDisposable
{
    // The same for every test: measuring takes seconds.
    private static MeasuredCosts s_measured = MeasuredCosts.None;

    private static readonly GgmlType[] s_few = [GgmlType.Q2_K, GgmlType.Q3_K, GgmlType.Q4_K, GgmlType.Q6_K];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ggufquant-");
    private readonly GgufFile _model = GgufFile.Open(Sample.Model);
    private readonly CalibrationFile _calibration;

    public TypeAllocatorTests()
    {
        string path = Path.Combine(_folder.FullName, "calibration.gguf");
        TestCalibration.Write(path, _model);
        _calibration = CalibrationFile.Open(path);
    }

    public void Dispose()
    {
        _calibration.Dispose();
        _model.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(2_200_000)]
    [InlineData(3_003_232)]
    [InlineData(4_500_000)]
    public void The_file_is_no_larger_than_the_target_and_hardly_smaller(long target)
    {
        TypeAllocator allocator = Allocator(s_few);
        QuantizationPlan plan = allocator.Allocate(SizeTarget.OfBytes(target), CostsOf(allocator));
        string path = Path.Combine(_folder.FullName, "m.gguf");
        new Quantizer().Run(plan, path, token: TestContext.Current.CancellationToken);
        Assert.Equal(plan.TotalBytes, new FileInfo(path).Length);
        Assert.InRange(plan.TotalBytes, 0.998 * target, target);
        using GgufFile file = GgufFile.Open(path);
        Assert.Equal(_calibration.Id, file.Metadata.Find(GgufKeys.CalibrationId)?.Value);
        Assert.All(plan.Options.Allocation!.Types, type => Assert.Equal(type.Value.Type, file.FindTensor(type.Key)!.Type));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4.25)]
    public void Bits_per_weight_count_neither_header_nor_padding(double bits)
    {
        TypeAllocator allocator = Allocator(s_few);
        QuantizationPlan plan = allocator.Allocate(SizeTarget.OfBitsPerWeight(bits), CostsOf(allocator));
        Assert.InRange(plan.BitsPerWeight, 0.998 * bits, bits);
    }

    [Theory]
    [InlineData(4096, CacheType.F16)]
    [InlineData(16384, CacheType.Q8_0)]
    public void Memory_counts_the_context_and_the_buffers_but_no_header(int context, CacheType cache)
    {
        MemoryOptions run = new() { ContextLength = context, KeyType = cache, ValueType = cache };
        long beside = MemoryEstimate.Of(0, ModelShape.Read(_model), run).Total;
        SizeTarget target = SizeTarget.OfMemory(beside + 2_700_000, run);
        TypeAllocator allocator = Allocator(s_few);
        QuantizationPlan plan = allocator.Allocate(target, CostsOf(allocator));
        Assert.InRange(plan.TensorBytes, 0.998 * 2_700_000, 2_700_000);
        Assert.Equal(plan.TensorBytes + beside, allocator.SizeOf(plan, target).Memory);
    }

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(1_000_000, 0.5)]
    [InlineData(1_000_000, 0.9)]
    [InlineData(1_500_000, 0.2)]
    public void Beside_a_card_the_memory_is_that_of_what_does_not_fit_on_it(long room, double share)
    {
        ModelShape shape = ModelShape.Read(_model);
        MemoryOptions run = new() { ContextLength = 4096, GpuReserve = 0, GpuMemory = MemoryEstimate.Of(0, shape, new() { ContextLength = 4096 }).Total + room };
        TypeAllocator allocator = Allocator(s_few);
        (long smallest, long largest) = (HostOf(allocator.Reach.Smallest), HostOf(allocator.Reach.Largest));
        SizeTarget target = SizeTarget.OfMemory(smallest + (long)(share * (largest - smallest)), run);
        QuantizationPlan plan = allocator.Allocate(target, CostsOf(allocator));
        Assert.InRange(HostOf(plan), smallest, target.Memory!.Value);
        Assert.Equal(HostOf(plan), allocator.SizeOf(plan, target).Memory);
        // A layer moves with its cache, so memory grows in steps, and some of it may be left over.
        QuantizationPlan larger = allocator.Allocate(SizeTarget.OfBitsPerWeight(1.01 * plan.BitsPerWeight), CostsOf(allocator));
        Assert.True(HostOf(larger) > target.Memory.Value);
        string message = Assert.Throws<QuantizationException>(() => allocator.Reach.Check(SizeTarget.OfMemory(1000, run))).Message;
        Assert.Contains($"beside a card with {run.GpuMemory:N0} bytes", message, StringComparison.Ordinal);

        long HostOf(QuantizationPlan file) =>
            MemoryEstimate.Of(ModelWeights.Of(file.Tensors.Select(tensor => (tensor.Name, tensor.ByteCount)), shape), shape, run).Placement!.Host.Total;
    }

    [Fact]
    public void Types_for_rounding_as_ggml_does_are_chosen_by_what_that_costs()
    {
        TypeAllocator allocator = new(_model, new() { Imatrix = _calibration.Imatrix }, [GgmlType.Q2_K, GgmlType.Q4_K], _calibration);
        Assert.Equal(RoundingMethod.Ggml, allocator.Method);
        // Nothing is factorized, so no budget is too small.
        allocator.CheckBudget(1);
        List<MeasuredCosts> measured = [];
        MeasuredCosts costs = allocator.MeasureErrors(_calibration.CostsOf(allocator.Method), new(2, 1L << 30), null, TestContext.Current.CancellationToken, measured.Add);
        Assert.Equal((RoundingMethod.Ggml, 88), (costs.Method, costs.Errors.Count));
        Assert.Equal(costs.Errors, measured[^1].Errors);
        Assert.True(measured.Count > 20);
        costs = costs.With(allocator.Groups.Select(group => KeyValuePair.Create(group.Name, 1e-3)), []);
        QuantizationPlan plan = allocator.Allocate(SizeTarget.OfBytes(2_700_000), costs);
        Assert.InRange(plan.TotalBytes, 0.998 * 2_700_000, 2_700_000);
        Assert.All(plan.Tensors, tensor => Assert.Null(tensor.Moments));
        _calibration.Dispose();
        CalibrationFile.Keep(_calibration.Path, costs, TestContext.Current.CancellationToken);
        using CalibrationFile again = CalibrationFile.Open(_calibration.Path);
        Assert.Equal(costs.Errors.ToHashSet(), again.CostsOf(RoundingMethod.Ggml).Errors.ToHashSet());
        Assert.Empty(again.CostsOf(RoundingMethod.Moments).Errors);
    }

    [Fact]
    public void Memory_that_is_left_over_is_no_fault_and_memory_that_does_not_suffice_says_what_is_missing()
    {
        MemoryOptions run = new() { ContextLength = 4096 };
        TypeAllocator allocator = Allocator(s_few);
        allocator.Reach.Check(SizeTarget.OfMemory(1L << 40, run));
        string message = Assert.Throws<QuantizationException>(() => allocator.Reach.Check(SizeTarget.OfMemory(1000, run))).Message;
        Assert.Contains(" cannot be quantized to 1,000 bytes of memory: ", message, StringComparison.Ordinal);
        Assert.Contains($"{MemoryEstimate.Of(0, ModelShape.Read(_model), run).Total:N0} bytes of it for a context of 4,096 tokens", message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_change_of_one_tensor_or_of_two_within_the_size_costs_less()
    {
        TypeAllocator allocator = Allocator(s_few);
        MeasuredCosts costs = CostsOf(allocator);
        QuantizationPlan plan = allocator.Allocate(SizeTarget.OfBytes(2_700_000), costs);
        (long Bytes, double Cost) Of(PlannedTensor tensor, GgmlType type) => (BlockFormat.Of(type).ByteCount(tensor.Source.ElementCount),
            costs.Coefficients[plan.Options.Allocation!.Types[tensor.Name].Group] * costs.Errors[(tensor.Name, type)].Value);
        PlannedTensor[] tensors = [.. plan.Tensors.Where(tensor => plan.Options.Allocation!.Types.ContainsKey(tensor.Name))];
        Assert.Equal(44, tensors.Length);
        long left = 2_700_000 - plan.TotalBytes;
        var changes = (from tensor in tensors
                       from type in s_few
                       let after = Of(tensor, type)
                       let before = Of(tensor, tensor.Target)
                       select (tensor.Name, Bytes: after.Bytes - before.Bytes, Cost: after.Cost - before.Cost)).ToArray();
        Assert.DoesNotContain(changes, change => change.Bytes <= left && change.Cost < -1e-12);
        Assert.DoesNotContain(
            from one in changes
            from other in changes
            where one.Name != other.Name && one.Bytes + other.Bytes <= left && one.Cost + other.Cost < -1e-12
            select one, _ => true);
    }

    [Fact]
    public void A_sensitive_group_gets_more_bits()
    {
        TypeAllocator allocator = Allocator(s_few);
        MeasuredCosts costs = CostsOf(allocator);
        MeasuredCosts sensitive = costs.With([KeyValuePair.Create("ffn_up 2/2", 1e6)], []);
        GgmlType[] TypesWith(MeasuredCosts measured) =>
            [.. allocator.Allocate(SizeTarget.OfBytes(2_700_000), measured).Tensors.Where(tensor => tensor.Name is "blk.4.ffn_up.weight" or "blk.5.ffn_up.weight").Select(tensor => tensor.Target)];
        Assert.NotEqual([GgmlType.Q6_K, GgmlType.Q6_K], TypesWith(costs));
        Assert.Equal([GgmlType.Q6_K, GgmlType.Q6_K], TypesWith(sensitive));
    }

    [Fact]
    public void Types_that_options_ask_for_are_not_up_for_choice()
    {
        TypeAllocator allocator = Allocator(s_few, new() { TensorTypes = [new("attn_v", GgmlType.Q8_0)], OutputTensorType = GgmlType.Q5_K });
        QuantizationPlan plan = allocator.Allocate(SizeTarget.OfBytes(3_000_000), CostsOf(allocator));
        Assert.All(plan.Tensors.Where(tensor => tensor.Name.Contains("attn_v")), tensor => Assert.Equal(GgmlType.Q8_0, tensor.Target));
        Assert.Equal(GgmlType.Q5_K, plan.Tensors.Single(tensor => tensor.Name == "output.weight").Target);
        Assert.InRange(plan.TotalBytes, 0.998 * 3_000_000, 3_000_000);
        Assert.DoesNotContain(allocator.Groups, group => group.Name is "output" or "attn_v first");
    }

    [Fact]
    public void Shards_count_with_all_their_headers()
    {
        TypeAllocator allocator = Allocator(s_few, new() { Split = new() { MaxBytes = 500_000 } });
        QuantizationPlan plan = allocator.Allocate(SizeTarget.OfBytes(3_000_000), CostsOf(allocator));
        Assert.True(plan.PathsAt("m.gguf").Count > 5);
        Assert.InRange(plan.TotalBytes, 0.998 * 3_000_000, 3_000_000);
    }

    [Fact]
    public void A_target_out_of_reach_names_the_smallest_and_the_largest_that_are_not()
    {
        TypeAllocator allocator = Allocator(s_few);
        string small = Assert.Throws<QuantizationException>(() => allocator.Reach.Check(SizeTarget.OfBytes(1000))).Message;
        string large = Assert.Throws<QuantizationException>(() => allocator.Reach.Check(SizeTarget.OfBitsPerWeight(16))).Message;
        long least = long.Parse(small.Split("smallest file has ")[1].Split(' ')[0].Replace(",", ""), System.Globalization.CultureInfo.InvariantCulture);
        allocator.Reach.Check(SizeTarget.OfBytes(least));
        Assert.Throws<QuantizationException>(() => allocator.Reach.Check(SizeTarget.OfBytes(least - 1)));
        Assert.Matches("the largest 6.5\\d* bits per weight", large);
    }

    [Fact]
    public void Without_a_list_the_source_s_own_type_is_the_largest()
    {
        TypeAllocator allocator = Allocator(null);
        allocator.Reach.Check(SizeTarget.OfBytes(_model.Length));
        Assert.Throws<QuantizationException>(() => allocator.Reach.Check(SizeTarget.OfBytes(_model.Length + 1000)));
        Assert.Throws<QuantizationException>(() => allocator.Reach.Check(SizeTarget.OfBitsPerWeight(1.5)));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(GgmlType.IQ2_S)]
    [InlineData(GgmlType.Q5_K)]
    public void The_reach_is_known_before_there_is_a_calibration(GgmlType? allowed)
    {
        GgmlType[]? types = allowed is { } type ? [type, GgmlType.Q6_K] : null;
        SizeReach before = SizeReach.BeforeCalibration(_model, new() { TensorTypes = [new("token_embd", GgmlType.Q4_K)] }, types);
        SizeReach after = Allocator(types, new() { TensorTypes = [new("token_embd", GgmlType.Q4_K)] }).Reach;
        foreach (SizeTarget target in (SizeTarget[])[SizeTarget.OfBytes(1000), SizeTarget.OfBitsPerWeight(64)])
        {
            Assert.Equal(
                Assert.Throws<QuantizationException>(() => after.Check(target)).Message,
                Assert.Throws<QuantizationException>(() => before.Check(target)).Message);
        }
    }

    [Fact]
    public void Groups_that_share_inputs_follow_each_other() => Assert.Equal(
        ["attn_k first", "attn_q first", "attn_v first"],
        Allocator(s_few).Groups.Select(group => group.Name).SkipWhile(name => !name.StartsWith("attn_", StringComparison.Ordinal)).Where(name => name != "attn_output first").Take(3));

    [Fact]
    public void A_tensor_gets_no_larger_type_than_it_has()
    {
        GgufTensor tensor = _model.FindTensor("blk.0.ffn_up.weight")!;
        Assert.Equal([GgmlType.Q8_0], CandidateTypes.For(tensor.Name, tensor, [GgmlType.F32, GgmlType.Q8_0], hasImportance: true));
        Assert.Equal([GgmlType.F16], CandidateTypes.For(tensor.Name, tensor, [GgmlType.F32], hasImportance: true));
    }

    [Fact]
    public void A_role_that_was_not_measured_is_worth_the_median_of_the_others()
    {
        Assert.Equal(0.29, RoleCoefficients.WorthOf("ssm_in"));
        Assert.Equal(RoleCoefficients.WorthOf("ffn_up"), RoleCoefficients.WorthOf("ffn_up_exps"));
    }

    [Fact]
    public void A_quantized_model_has_no_types_to_choose_from()
    {
        string path = Path.Combine(_folder.FullName, "q.gguf");
        new Quantizer().Run(QuantizationPlan.Create(_model, FileType.Q8_0), path, token: TestContext.Current.CancellationToken);
        using GgufFile quantized = GgufFile.Open(path);
        string calibrated = Path.Combine(_folder.FullName, "q-calibration.gguf");
        TestCalibration.Write(calibrated, quantized);
        using CalibrationFile calibration = CalibrationFile.Open(calibrated);
        Assert.Contains("already quantized", Assert.Throws<QuantizationException>(() => new TypeAllocator(quantized, new() { Calibration = calibration }, null)).Message);
    }

    [Fact]
    public void Measurements_are_kept_in_the_calibration()
    {
        TypeAllocator allocator = Allocator(s_few);
        MeasuredCosts costs = CostsOf(allocator);
        string id = _calibration.Id;
        _calibration.Dispose();
        CalibrationFile.Keep(_calibration.Path, costs, TestContext.Current.CancellationToken);
        using CalibrationFile again = CalibrationFile.Open(_calibration.Path);
        Assert.Equal(id, again.Id);
        Assert.Equal(costs.Coefficients.OrderBy(cost => cost.Key), again.CostsOf(RoundingMethod.Moments).Coefficients.OrderBy(cost => cost.Key));
        Assert.Equal(costs.Errors.ToHashSet(), again.CostsOf(RoundingMethod.Moments).Errors.ToHashSet());
        Assert.Same(again.CostsOf(RoundingMethod.Moments), new TypeAllocator(_model, new() { Calibration = again }, s_few).MeasureErrors(again.CostsOf(RoundingMethod.Moments), new(1, 1L << 30), null, TestContext.Current.CancellationToken));
        Assert.NotNull(again.Find("blk.0.attn_q.weight"));
    }

    [Theory]
    [InlineData("calibration.cost.errors", -1.0, "negative")]
    [InlineData("calibration.cost.coefficients", double.NaN, "negative or not")]
    public void Damaged_measurements_are_rejected(string key, double value, string problem)
    {
        _calibration.Dispose();
        CalibrationFile.Keep(_calibration.Path, MeasuredCosts.None.With([KeyValuePair.Create("output", 1.0)], [KeyValuePair.Create(("output.weight", GgmlType.Q3_K), new OutputError(1, 0))]), CancellationToken.None);
        GgufMetadataEditor.Apply(_calibration.Path, [GgufEntry.Create(key, new[] { value })], []);
        string message = Assert.Throws<CalibrationException>(() => CalibrationFile.Open(_calibration.Path)).Message;
        Assert.Contains(key, message);
        Assert.Contains(problem, message);
    }

    private TypeAllocator Allocator(GgmlType[]? allowed, QuantizationOptions? options = null) =>
        new(_model, (options ?? new()) with { Calibration = _calibration }, allowed);

    private static MeasuredCosts CostsOf(TypeAllocator allocator)
    {
        s_measured = allocator.MeasureErrors(s_measured, new(2, 1L << 30), null, TestContext.Current.CancellationToken);
        return s_measured.With(allocator.Groups.Select((group, i) => KeyValuePair.Create(group.Name, 1e-3 * (1 + (i % 5)))), []);
    }
}
