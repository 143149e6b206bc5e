using GgufQuant.Allocation;

namespace GgufQuant.Tests.Allocation;

/// <summary>The choice of types against all the choices there are.</summary>
public sealed class KnapsackTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 32)]
    [InlineData(3, 7)]
    public void It_finds_the_cheapest_of_all_choices(int seed, int unit)
    {
        Random random = new(seed);
        for (int round = 0; round < 100; round++)
        {
            Choice[][] items = Items(random, random.Next(1, 6), unit, mostUnits: 40);
            long smallest = items.Sum(item => item.Min(choice => choice.Bytes));
            long budget = smallest + random.Next(0, 120 * unit);
            int[] chosen = Knapsack.Solve(items, budget, Token)!;
            Assert.True(BytesOf(items, chosen) <= budget);
            Assert.Equal(All(items).Where(all => BytesOf(items, all) <= budget).Min(all => CostOf(items, all)), CostOf(items, chosen), 1e-9);
        }
    }

    [Fact]
    public void A_budget_of_the_smallest_choices_is_enough_and_a_byte_less_is_not()
    {
        Choice[][] items = Items(new(4), 5, 1, mostUnits: 1000);
        long smallest = items.Sum(item => item.Min(choice => choice.Bytes));
        Assert.Equal(smallest, BytesOf(items, Knapsack.Solve(items, smallest, Token)!));
        Assert.Null(Knapsack.Solve(items, smallest - 1, Token));
    }

    [Fact]
    public void A_larger_budget_never_costs_more()
    {
        Choice[][] items = Items(new(5), 30, 1, mostUnits: 100_000);
        long smallest = items.Sum(item => item.Min(choice => choice.Bytes));
        double last = double.PositiveInfinity;
        for (long budget = smallest; budget < smallest + 2_000_000; budget += 100_000)
        {
            double cost = CostOf(items, Knapsack.Solve(items, budget, Token)!);
            Assert.True(cost <= last);
            last = cost;
        }
    }

    // Sizes without a common unit, so that there are more sums than states.
    [Fact]
    public void Where_sums_share_states_the_budget_holds_and_little_is_lost()
    {
        Choice[][] items = Items(new(6), 5, 1, mostUnits: 400_000_000);
        long smallest = items.Sum(item => item.Min(choice => choice.Bytes));
        foreach (long budget in (long[])[smallest + 300_000_001, smallest + 500_000_001, smallest + 900_000_001])
        {
            int[] chosen = Knapsack.Solve(items, budget, Token)!;
            Assert.True(BytesOf(items, chosen) <= budget);
            double best = All(items).Where(all => BytesOf(items, all) <= budget).Min(all => CostOf(items, all));
            Assert.InRange(CostOf(items, chosen), best, best * 1.001);
        }
    }

    // The wide item makes states of thousands of bytes, which both choices of the other share.
    [Fact]
    public void Of_choices_that_cost_the_same_the_smaller_is_taken()
    {
        Choice[][] items = [[new(1, 5), new(400_000_000, 0)], [new(1001, 1), new(1000, 1)]];
        Assert.Equal([1, 1], Knapsack.Solve(items, 500_000_000, Token)!);
    }

    // As many tensors and types as a model of 70 billion weights has.
    [Fact]
    public void A_choice_of_seconds_can_be_stopped()
    {
        Random random = new(7);
        Choice[][] items =
            [.. Enumerable.Range(0, 2000).Select(_ => Enumerable.Range(0, 100).Select(_ => new Choice(random.Next(1, 400_000_000), random.NextDouble())).ToArray())];
        CancellationToken stop = DelayedStop.After(TimeSpan.FromMilliseconds(50));
        Assert.Throws<OperationCanceledException>(() => Knapsack.Solve(items, 400_000_000_000, stop));
    }

    private static Choice[][] Items(Random random, int count, int unit, int mostUnits) =>
    [
        .. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, random.Next(1, 6))
            .Select(_ => new Choice((long)unit * random.Next(1, mostUnits), random.NextDouble())).ToArray()),
    ];

    private static IEnumerable<int[]> All(Choice[][] items) => items.Aggregate(
        (IEnumerable<int[]>)[[]], (all, item) => all.SelectMany(chosen => Enumerable.Range(0, item.Length).Select(choice => (int[])[.. chosen, choice])));

    private static long BytesOf(Choice[][] items, int[] chosen) => items.Zip(chosen, (item, choice) => item[choice].Bytes).Sum();

    private static double CostOf(Choice[][] items, int[] chosen) => items.Zip(chosen, (item, choice) => item[choice].Cost).Sum();
}
