using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Planning;

namespace GgufQuant.Tests.Planning;

/// <summary>A matrix that does not fit a model is reported, and a file does not claim a matrix that had no effect on it.</summary>
public sealed class ImatrixCoverageTests(TestModels models) : IClassFixture<TestModels>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_matrix_of_the_model_is_no_problem()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"), Token);
        QuantizationPlan plan = Plan(model, TestImatrix.For(model));
        Assert.True(plan.Imatrix!.IsOfModel);
        Assert.Equal(plan.Imatrix.Weighable, plan.Imatrix.Weighed);
        Assert.Null(plan.Imatrix.Problem);
        Assert.DoesNotContain(plan.Tensors, IsMarked);
        Assert.True(Claims(plan));
    }

    [Fact]
    public void Without_a_matrix_there_is_nothing_to_tell()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"), Token);
        QuantizationPlan plan = QuantizationPlan.Create(model, FileType.Q4_K_M);
        Assert.Null(plan.Imatrix);
        Assert.DoesNotContain(plan.Tensors, IsMarked);
    }

    [Fact]
    public void An_empty_matrix_is_told_and_not_claimed()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"), Token);
        TestImatrix empty = TestImatrix.For(model).Entries.Aggregate(TestImatrix.For(model), (matrix, entry) => matrix.Replace(entry.Name, _ => null));
        QuantizationPlan plan = Plan(model, empty);
        Assert.Contains("is empty", plan.Imatrix!.Problem, StringComparison.Ordinal);
        Assert.False(Claims(plan));
    }

    [Fact]
    public void A_matrix_of_another_model_is_told_and_not_claimed()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"), Token);
        TestImatrix other = TestImatrix.For(model).Entries.Aggregate(
            TestImatrix.For(model), (matrix, entry) => matrix.Replace(entry.Name, own => own with { Name = entry.Name.Replace("blk.", "blk.1000", StringComparison.Ordinal) }));
        QuantizationPlan plan = Plan(model, other);
        Assert.Equal(0, plan.Imatrix!.Known);
        Assert.Equal(QuantizationPlan.Create(model, FileType.Q4_K_M).Tensors.Select(tensor => tensor.Target), plan.Tensors.Select(tensor => tensor.Target));
        Assert.Contains($"none of its {other.Entries.Count} entries", plan.Imatrix.Problem, StringComparison.Ordinal);
        Assert.All(plan.Tensors.Where(ImatrixCoverage.IsWeighable), tensor => Assert.True(IsMarked(tensor)));
        Assert.False(Claims(plan));
    }

    [Fact]
    public void A_matrix_that_covers_part_of_the_model_is_told_with_numbers()
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"), Token);
        QuantizationPlan plan = Plan(model, TestImatrix.For(model).Replace("blk.3.ffn_up.weight", _ => null).Replace("blk.4.attn_q.weight", _ => null));
        Assert.Equal(plan.Imatrix!.Weighable - 2, plan.Imatrix.Weighed);
        Assert.Contains($"covers {plan.Imatrix.Weighed} of the {plan.Imatrix.Weighable} tensors", plan.Imatrix.Problem, StringComparison.Ordinal);
        Assert.Equal(["blk.3.ffn_up.weight", "blk.4.attn_q.weight"], plan.Tensors.Where(IsMarked).Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
        Assert.True(Claims(plan));
    }

    [Theory]
    [InlineData(32, 32)]
    [InlineData(31, 0)]
    [InlineData(256, 256)]
    public void A_matrix_that_would_erase_weights_is_told(int zeros, int erased)
    {
        using GgufFile model = GgufFile.Open(models.PathOf("dense"), Token);
        QuantizationPlan plan = Plan(model, TestImatrix.For(model).Replace("blk.3.ffn_up.weight", entry => entry with { Sums = [.. entry.Sums.Select((sum, i) => i < zeros ? 0 : Math.Max(sum, 1e-3f))] }));
        Assert.Equal(erased, plan.Tensors.Single(tensor => tensor.Name == "blk.3.ffn_up.weight").Importance!.ErasedColumns);
        if (erased == 0)
            Assert.Null(plan.Imatrix!.Problem);
        else
            Assert.Contains("'blk.3.ffn_up.weight' first, whose weights would be lost", plan.Imatrix!.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Fused_and_separate_experts_use_the_same_entries()
    {
        using GgufFile apart = GgufFile.Open(models.PathOf("experts-8"), Token);
        TestImatrix own = TestImatrix.For(apart);
        TestImatrix fused = own.Entries.Aggregate(own, (matrix, entry) => matrix
            .Replace(entry.Name, same => same.Name.Contains("ffn_up_exps", StringComparison.Ordinal) ? null : same with { Name = same.Name.Replace("ffn_gate_exps", "ffn_gate_up_exps", StringComparison.Ordinal) }));
        QuantizationPlan plan = Plan(apart, fused);
        PlannedTensor gate = plan.Tensors.First(tensor => tensor.Name.Contains("ffn_gate_exps", StringComparison.Ordinal));
        PlannedTensor up = plan.Tensors.First(tensor => tensor.Name == gate.Name.Replace("gate", "up", StringComparison.Ordinal));
        Assert.Equal(gate.Name.Replace("ffn_gate_exps", "ffn_gate_up_exps", StringComparison.Ordinal), gate.Importance!.Name);
        Assert.Equal(gate.Importance.Name, up.Importance!.Name);
        Assert.Null(plan.Imatrix!.Problem);
    }

    [Fact]
    public void A_long_path_of_the_matrix_is_cut_between_characters()
    {
        const int MaxBytes = 127;
        using GgufFile model = GgufFile.Open(models.PathOf("dense"), Token);
        // The last two of its bytes would be half of a character.
        string whole = Path.Combine(models.Folder, "x").PadRight(MaxBytes - 3, 'x');
        QuantizationPlan plan = Plan(model, TestImatrix.For(model), $"{whole}🦙.gguf");
        Assert.Equal(whole, plan.Layout.Files[0].Metadata.Single(entry => entry.Key == GgufKeys.QuantizationMatrix).Value);
    }

    private QuantizationPlan Plan(GgufFile model, TestImatrix matrix, string? path = null)
    {
        path ??= Path.Combine(models.Folder, $"{Guid.NewGuid():N}.gguf");
        matrix.WriteGguf(path);
        return QuantizationPlan.Create(model, FileType.Q4_K_M, new() { Imatrix = ImatrixFile.Open(path, Token) });
    }

    private static bool IsMarked(PlannedTensor tensor) => tensor.Rule.EndsWith(", without importance", StringComparison.Ordinal);

    private static bool Claims(QuantizationPlan plan) => plan.Layout.Files[0].Metadata.Any(entry => entry.Key.StartsWith("quantize.imatrix.", StringComparison.Ordinal));
}
