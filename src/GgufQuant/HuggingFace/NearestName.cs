using GgufQuant.IO;

namespace GgufQuant.HuggingFace;

/// <summary>Finds the name that was probably meant.</summary>
internal static class NearestName
{
    /// <summary>The name with the fewest insertions and deletions; null if they exceed half of all letters.</summary>
    internal static string? Find(string name, IEnumerable<string> names) =>
        (from known in names
         let distance = EditDistance.Between(name, known)
         where distance <= (name.Length + known.Length) / 2
         orderby distance, known
         select known).FirstOrDefault();
}
