namespace GgufQuant.Models;

/// <summary>Readable lists of layer numbers.</summary>
public static class LayerRanges
{
    /// <summary>The numbers as text: <c>0-2,5</c> for 0, 1, 2 and 5.</summary>
    public static string Text(IEnumerable<int> layers)
    {
        int[] sorted = [.. layers.Order()];
        List<string> ranges = [];
        for (int start = 0; start < sorted.Length;)
        {
            int end = start;
            while (end + 1 < sorted.Length && sorted[end + 1] == sorted[end] + 1)
                end++;
            ranges.Add(end == start ? $"{sorted[start]}" : $"{sorted[start]}-{sorted[end]}");
            start = end + 1;
        }
        return string.Join(',', ranges);
    }
}
