namespace GgufQuant.IO;

/// <summary>Where a path leads: to a file or folder that exists, or to a name within one.</summary>
/// <param name="Existing">The file, or the innermost folder on its way; null if the file system does not say.</param>
/// <param name="Name">The rest of the path; empty for a file that exists.</param>
internal readonly record struct FilePlace(FileIdentity? Existing, string Name);
