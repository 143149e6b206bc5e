namespace GgufQuant.HuggingFace;

/// <summary>Finds the name that was likely meant.</summary>
internal static class NearestName
{
    /// <summary>The name with the fewest letters to be changed; null if more than half of them would be.</summary>
    internal static string? Find(string name, IEnumerable<string> names) =>
        (from known in names
         let distance = Distance(name, known)
         where distance <= Math.Max(name.Length, known.Length) / 2
         orderby distance, known
         select known).FirstOrDefault();

    private static int Distance(string left, string right)
    {
        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int changed = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[right.Length];
    }
}
