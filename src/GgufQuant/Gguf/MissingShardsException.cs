namespace GgufQuant.Gguf;

/// <summary>Shards of a model are missing.</summary>
public sealed class MissingShardsException : FileNotFoundException
{
    internal MissingShardsException(GgufSplit split, IReadOnlyList<int> numbers, Exception inner)
        : base(MessageFor(split, numbers), split.PathOf(numbers[0]), inner) => Findings = [.. numbers.Select(number => (split.PathOf(number), split.Missing(number)))];

    /// <summary>The full path of each missing shard, with a sentence about it.</summary>
    internal IReadOnlyList<(string Path, string Message)> Findings { get; }

    private static string MessageFor(GgufSplit split, IReadOnlyList<int> numbers)
    {
        string missing = numbers is [int only] ? split.Missing(only) : $"{numbers.Count} of {split.Count} shards are missing: {RangesOf(numbers)}. The first is '{split.PathOf(numbers[0])}'.";
        return $"{missing} Put all shards in one folder.";
    }

    // 2, 5-7: counted from 1, as in the names.
    private static string RangesOf(IReadOnlyList<int> numbers)
    {
        List<string> ranges = [];
        for (int start = 0, end; start < numbers.Count; start = end)
        {
            for (end = start + 1; end < numbers.Count && numbers[end] == numbers[end - 1] + 1; end++)
                ;
            ranges.Add(end - start == 1 ? $"{numbers[start] + 1}" : $"{numbers[start] + 1}-{numbers[end - 1] + 1}");
        }
        return string.Join(", ", ranges);
    }
}
