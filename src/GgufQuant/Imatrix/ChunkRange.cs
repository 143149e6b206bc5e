namespace GgufQuant.Imatrix;

/// <summary>The chunks of a text that a model was run over.</summary>
/// <param name="First">The number of chunks before them.</param>
/// <param name="Count">How many they are.</param>
/// <param name="Total">The chunks of the whole text.</param>
public readonly record struct ChunkRange(int First, int Count, int Total)
{
    /// <summary>The number of chunks up to the last of them.</summary>
    public int End => First + Count;

    /// <summary>Whether the range lies in the text: false for what a damaged file says.</summary>
    public bool IsValid => First >= 0 && Count > 0 && Count <= Total - First;

    /// <summary>The range as people count: <c>chunks 9-16</c>.</summary>
    public override string ToString() => Count == 1 ? $"chunk {End}" : $"chunks {First + 1}-{End}";

    /// <summary>A sentence about chunks that are missing at the beginning or the end of the text; null if the range is the whole text.</summary>
    public string? FindMissingEnds() => Count < Total ? $"The parts have only {this} of the text's {Total}." : null;

    /// <summary>The range of all chunks in ranges that follow each other, each beginning where the one before ends.</summary>
    /// <param name="ranges">One or more ranges with what to call them, by their first chunks.</param>
    /// <exception cref="InvalidDataException">Chunks are missing between two of them, or are in two of them.</exception>
    public static ChunkRange Join(IReadOnlyList<(ChunkRange Range, string Owner)> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        for (int i = 1; i < ranges.Count; i++)
        {
            (ChunkRange before, string ownerBefore) = ranges[i - 1];
            (ChunkRange range, string owner) = ranges[i];
            if (range.First > before.End)
                throw new InvalidDataException($"The parts leave a gap, {before with { First = before.End, Count = range.First - before.End }} of the text, between {ownerBefore} and {owner}.");
            if (range.First < before.End)
                throw new InvalidDataException($"The parts overlap: {ownerBefore} and {owner} of the text have chunks in common.");
        }
        ChunkRange first = ranges[0].Range;
        return first with { Count = ranges[^1].Range.End - first.First };
    }
}
