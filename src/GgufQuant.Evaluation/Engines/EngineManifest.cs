using System.Security.Cryptography;
using System.Text.Json;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Engines;

/// <summary>The contents of an installed engine's folder, stored there as <c>engine.json</c>.</summary>
/// <param name="Name">The engine's name.</param>
/// <param name="Package">The NuGet package it came from.</param>
/// <param name="Version">The package's version.</param>
/// <param name="PackageHash">The package's SHA-256, hexadecimal.</param>
/// <param name="Files">The SHA-256 of each file, by its path in the folder, separated with <c>/</c>.</param>
internal sealed record EngineManifest(string Name, string Package, string Version, string PackageHash, IReadOnlyDictionary<string, string> Files)
{
    /// <summary>The file's name.</summary>
    public const string FileName = "engine.json";

    private const int MaximumSize = 1 << 20;

    /// <summary>Reads an engine's folder.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    /// <exception cref="IOException">It is too large or cannot be read.</exception>
    public static EngineManifest Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            EngineManifest? manifest = JsonSerializer.Deserialize<EngineManifest>(RegularFile.ReadAllBytes(path, MaximumSize));
            return manifest is { Name: not null, Package: not null, Version: not null, Files: not null }
                ? manifest
                : throw new InvalidDataException($"'{path}' is damaged: install the engine again.");
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"'{path}' is damaged: install the engine again.", exception);
        }
    }

    /// <summary>The manifest that covers a folder of libraries, and its folder; null if the libraries were not installed by this module.</summary>
    /// <param name="nativesFolder">The folder, which may be a subfolder of the engine's.</param>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static (string Folder, EngineManifest Manifest)? Covering(string nativesFolder)
    {
        foreach (string? folder in (string?[])[nativesFolder, Path.GetDirectoryName(nativesFolder)])
        {
            if (folder is not null && File.Exists(Path.Combine(folder, FileName)))
                return (folder, Read(folder));
        }
        return null;
    }

    /// <summary>Writes the file.</summary>
    public void Write(string folder) => File.WriteAllBytes(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this));

    /// <summary>Describes how the folder differs from what was installed; null if it does not.</summary>
    /// <remarks>An added file counts too: the libraries find others in their folder.</remarks>
    public string? FindChange(string folder)
    {
        HashSet<string> present = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
            .Where(name => name != FileName)];
        if (present.FirstOrDefault(name => !Files.ContainsKey(name)) is string added)
            return $"'{added}' in '{folder}' was not part of the installation.";
        foreach ((string name, string hash) in Files)
        {
            if (!present.Contains(name))
                return $"'{name}' is missing from '{folder}': install the engine again.";
            using FileStream stream = RegularFile.OpenStream(Path.Combine(folder, name));
            if (!Convert.ToHexString(SHA256.HashData(stream)).Equals(hash, StringComparison.OrdinalIgnoreCase))
                return $"'{name}' in '{folder}' has changed since it was installed: install the engine again.";
        }
        return null;
    }
}
