namespace GgufQuant.Hub;

/// <summary>A file to download.</summary>
/// <param name="Address">The file, on the hub as of the commit that was current when it was found.</param>
/// <param name="Name">Its name without a folder.</param>
/// <param name="Length">Bytes of the file.</param>
/// <param name="Sha256">The SHA-256 that the hub gives, in lower-case hexadecimal digits; null if the server gives none.</param>
public sealed record DownloadFile(RemoteAddress Address, string Name, long Length, string? Sha256)
{
    /// <summary>The server's entity tag; null if it gives none.</summary>
    internal string? Tag { get; init; }

    /// <summary>What identifies the version of the file that a part came from, so that the rest fits; null if there is nothing.</summary>
    internal string? Identity => (Sha256 ?? Tag) is { } identity ? $"{identity} {Length}" : null;
}
