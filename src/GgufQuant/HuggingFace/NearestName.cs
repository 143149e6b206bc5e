using GgufQuant.IO;

namespace GgufQuant.HuggingFace;

/// <summary>Finds the name that was likely meant.</summary>
internal static class NearestName
{
    /// <summary>The name with the fewest letters to insert and delete; null if they are more than half of all.</summary>
    internal static string? Find(string name, IEnumerable<string> names) =>
        (from known in names
         let distance = EditDistance.Between(name, known)
         where distance <= (name.Length + known.Length) / 2
         orderby distance, known
         select known).FirstOrDefault();
}
