using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;

namespace GgufQuant.Evaluation.Tests.Calibration;

/// <summary>What groups of tensors with the same inputs share, within budgets.</summary>
public sealed class KeptFactorsTests
{
    private const int Columns = 32;

    // Of one factor, while it is made.
    private const long Bytes = 2L * Columns * Columns * sizeof(float) / 4 * 5;

    private readonly InputMoments[] _inputs = [.. Enumerable.Range(0, 4).Select(i => new InputMoments($"blk.{i}.attn_q.weight", Columns, Columns, 1, (_, _) => Unit()))];

    [Theory]
    // Queries, keys and values of four layers: made once if all fit, all but one kept if one does not, and never kept without room.
    [InlineData(4 * Bytes, 4)]
    [InlineData(3 * Bytes, 4 + 2 + 2)]
    [InlineData(Bytes - 1, 12)]
    public void Groups_with_the_same_inputs_make_their_factors_once_where_they_fit(long budget, int made)
    {
        KeptFactors factors = new(budget, threads: 1);
        for (int group = 0; group < 3; group++)
            Get(factors, _inputs);
        Assert.Equal(made, factors.Made);
    }

    [Fact]
    public void Inputs_of_earlier_groups_make_room()
    {
        KeptFactors factors = new(2 * Bytes, threads: 1);
        Get(factors, _inputs[..2]);
        Get(factors, _inputs[2..]);
        Get(factors, _inputs[2..]);
        Assert.Equal(4, factors.Made);
    }

    private static void Get(KeptFactors factors, InputMoments[] needed)
    {
        foreach (InputMoments moments in needed)
            Assert.Equal(Columns, factors.Get(moments, needed.ToHashSet()).Columns);
    }

    private static float[] Unit() => [.. Enumerable.Range(0, Columns).SelectMany(i => Enumerable.Range(i, Columns - i).Select(j => i == j ? 1f : 0f))];
}
