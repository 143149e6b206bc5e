namespace GgufQuant.Allocation;

/// <summary>Picks one choice per tensor, with the least total cost within a budget of bytes.</summary>
/// <remarks>
/// Dynamic programming over bytes. States keep exact byte counts. Only if there were too many different sums for memory do
/// those within a hundred-thousandth of the budget share a state, which keeps the cheapest.
/// </remarks>
internal static class Knapsack
{
    private const int MostBuckets = 1 << 17;

    // One byte per tensor and bucket.
    private const int MostTableBytes = 1 << 28;

    /// <summary>Solves it.</summary>
    /// <param name="items">The choices of each tensor, at most 255.</param>
    /// <param name="budget">The budget for all tensors in bytes.</param>
    /// <param name="token">Cancels it between two choices.</param>
    /// <returns>The index of each tensor's choice; null if even the smallest exceed the budget.</returns>
    public static int[]? Solve(IReadOnlyList<IReadOnlyList<Choice>> items, long budget, CancellationToken token)
    {
        long[] least = [.. items.Select(choices => choices.Min(choice => choice.Bytes))];
        long capacity = budget - least.Sum();
        if (capacity < 0)
            return null;
        capacity = Math.Min(capacity, items.Select((choices, i) => choices.Max(choice => choice.Bytes) - least[i]).Sum());
        long unit = items.SelectMany((choices, i) => choices.Select(choice => choice.Bytes - least[i])).Aggregate(0L, GreatestCommonDivisor);
        int mostBuckets = Math.Min(MostBuckets, MostTableBytes / Math.Max(1, items.Count));
        unit = Math.Max(Math.Max(1, unit), (capacity / mostBuckets) + 1);

        int buckets = checked((int)(capacity / unit) + 1);
        States before = new(buckets);
        States after = new(buckets);
        before.Costs[0] = 0;
        byte[][] table = new byte[items.Count][];
        for (int i = 0; i < items.Count; i++)
        {
            after.Clear();
            table[i] = new byte[buckets];
            for (int k = 0; k < items[i].Count; k++)
            {
                token.ThrowIfCancellationRequested();
                before.Extend(after, items[i][k].Bytes - least[i], items[i][k].Cost, capacity, unit, table[i], (byte)k);
            }
            after.RemoveDominated();
            (before, after) = (after, before);
        }
        return Trace(items, least, before, table, unit);
    }

    private static int[] Trace(IReadOnlyList<IReadOnlyList<Choice>> items, long[] least, States last, byte[][] table, long unit)
    {
        int[] chosen = new int[items.Count];
        long bytes = last.Bytes[last.Cheapest()];
        for (int i = items.Count - 1; i >= 0; i--)
        {
            chosen[i] = table[i][bytes / unit];
            bytes -= items[i][chosen[i]].Bytes - least[i];
        }
        return chosen;
    }

    private static long GreatestCommonDivisor(long a, long b)
    {
        while (b != 0)
            (a, b) = (b, a % b);
        return a;
    }

    /// <summary>The cheapest way to each sum of bytes beyond the minimum.</summary>
    private sealed class States(int buckets)
    {
        public double[] Costs { get; } = Filled(buckets);

        public long[] Bytes { get; } = new long[buckets];

        public void Clear() => Costs.AsSpan().Fill(double.PositiveInfinity);

        public void Extend(States to, long extra, double cost, long capacity, long unit, byte[] table, byte choice)
        {
            (long whole, long rest) = Math.DivRem(extra, unit);
            for (int bucket = 0; bucket < Costs.Length; bucket++)
            {
                if (double.IsPositiveInfinity(Costs[bucket]))
                    continue;
                long bytes = Bytes[bucket] + extra;
                if (bytes > capacity)
                    break;
                int next = bucket + (int)whole + (Bytes[bucket] - (bucket * unit) + rest >= unit ? 1 : 0);
                double sum = Costs[bucket] + cost;
                if (sum < to.Costs[next] || (sum == to.Costs[next] && bytes < to.Bytes[next]))
                {
                    to.Costs[next] = sum;
                    to.Bytes[next] = bytes;
                    table[next] = choice;
                }
            }
        }

        // A state with more bytes and no lower cost is useless.
        public void RemoveDominated()
        {
            double least = double.PositiveInfinity;
            for (int bucket = 0; bucket < Costs.Length; bucket++)
            {
                if (Costs[bucket] < least)
                    least = Costs[bucket];
                else
                    Costs[bucket] = double.PositiveInfinity;
            }
        }

        // Dominated states are gone, so the last one is the cheapest.
        public int Cheapest() => Array.FindLastIndex(Costs, cost => !double.IsPositiveInfinity(cost));

        private static double[] Filled(int count)
        {
            double[] costs = new double[count];
            costs.AsSpan().Fill(double.PositiveInfinity);
            return costs;
        }
    }
}
