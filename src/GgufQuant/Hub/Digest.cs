using System.Text.RegularExpressions;

namespace GgufQuant.Hub;

/// <summary>How digests are written on the hub.</summary>
internal static partial class Digest
{
    /// <summary>Whether a text is a SHA-256: that of a file in Git LFS. Other files have a Git blob's SHA-1 instead.</summary>
    public static bool IsSha256(string text) => Sha256().IsMatch(text);

    /// <summary>Whether a text is a full commit.</summary>
    public static bool IsCommit(string text) => Commit().IsMatch(text);

    [GeneratedRegex("^[0-9a-fA-F]{64}$", RegexOptions.CultureInvariant)]
    private static partial Regex Sha256();

    [GeneratedRegex("^[0-9a-f]{40}$", RegexOptions.CultureInvariant)]
    private static partial Regex Commit();
}
