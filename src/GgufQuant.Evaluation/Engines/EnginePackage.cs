using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using System.Xml;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Engines;

/// <summary>The NuGet package of a LLamaSharp backend, checked before any of it is written.</summary>
/// <remarks>The file may be hostile: every size is bounded, and only native libraries of this platform are extracted, under names of one known form.</remarks>
public sealed partial class EnginePackage : IDisposable
{
    private const int MaximumEntries = 10_000;
    private const long MaximumPackage = 4L << 30;
    private const long MaximumFile = 2L << 30;
    private const long MaximumTotal = 4L << 30;
    private const int MaximumManifest = 1 << 20;

    private readonly string _path;
    private readonly FileStream _stream;
    private readonly ZipArchive _archive;
    private readonly SortedDictionary<string, ZipArchiveEntry> _libraries = new(StringComparer.Ordinal);

    private EnginePackage(string path, FileStream stream, ZipArchive archive)
    {
        _path = path;
        _stream = stream;
        _archive = archive;
    }

    /// <summary>The package's name, for example <c>LLamaSharp.Backend.Cuda12.Linux</c>.</summary>
    public string Id { get; private set; } = "";

    /// <summary>The package's version.</summary>
    public string Version { get; private set; } = "";

    /// <summary>The engine's name, for example <c>Cuda12</c>.</summary>
    public string Name { get; private set; } = "";

    /// <summary>The file's SHA-256, hexadecimal.</summary>
    public string Hash { get; private set; } = "";

    /// <summary>Total bytes of the libraries.</summary>
    internal long Size => _libraries.Values.Sum(entry => entry.Length);

    /// <summary>Opens and checks a package. It stays open, so that what was checked is what is installed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expectedHash">The SHA-256 it must have, hexadecimal; null for any.</param>
    /// <param name="cancellationToken">Cancels between two reads.</param>
    /// <exception cref="InvalidEnginePackageException">This module cannot use the package here.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static EnginePackage Open(string path, string? expectedHash, CancellationToken cancellationToken)
    {
        FileStream stream = RegularFile.OpenStream(path);
        try
        {
            if (stream.Length > MaximumPackage)
                throw new InvalidEnginePackageException(path, $"it is larger than {MaximumPackage >> 30} GiB.");
            string hash = Convert.ToHexStringLower(SHA256.HashDataAsync(stream, cancellationToken).AsTask().GetAwaiter().GetResult());
            if (expectedHash is not null && !hash.Equals(expectedHash, StringComparison.OrdinalIgnoreCase))
                throw new InvalidEnginePackageException(path, $"its SHA-256 is {hash}, not {expectedHash}.");
            ZipDirectory.Check(stream, MaximumEntries);
            EnginePackage package = new(path, stream, new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true)) { Hash = hash };
            package.ReadManifest();
            package.FindLibraries();
            return package;
        }
        catch (Exception exception)
        {
            stream.Dispose();
            throw exception is InvalidDataException or XmlException ? new InvalidEnginePackageException(path, $"it is not a valid NuGet package ({exception.Message})", exception) : exception;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _archive.Dispose();
        _stream.Dispose();
    }

    /// <summary>Writes the libraries into an empty folder.</summary>
    /// <returns>The manifest of the written files.</returns>
    internal EngineManifest Extract(string folder, CancellationToken cancellationToken)
    {
        Dictionary<string, string> hashes = [];
        foreach ((string name, ZipArchiveEntry entry) in _libraries)
        {
            string destination = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(destination)!);
            try
            {
                hashes[name] = Copy(entry, destination, cancellationToken);
            }
            catch (InvalidDataException exception)
            {
                throw new InvalidEnginePackageException(_path, $"its entry '{entry.FullName}' is damaged ({exception.Message})", exception);
            }
        }
        return new(Name, Id, Version, Hash, hashes);
    }

    [GeneratedRegex(@"^LLamaSharp\.Backend\.(?<name>[A-Za-z][A-Za-z0-9]{0,30})(\.(Linux|Windows))?$", RegexOptions.CultureInvariant)]
    private static partial Regex IdForm();

    // One optional folder, and a file name without any character that a file system could interpret.
    [GeneratedRegex(@"^([a-z][a-z0-9]{0,30}/)?[A-Za-z][A-Za-z0-9_-]{0,60}\.(so|dll|dylib)$", RegexOptions.CultureInvariant)]
    private static partial Regex LibraryForm();

    private void ReadManifest()
    {
        ZipArchiveEntry[] manifests = [.. _archive.Entries.Where(entry => !entry.FullName.Contains('/') && entry.FullName.EndsWith(".nuspec", StringComparison.OrdinalIgnoreCase))];
        if (manifests.Length != 1 || manifests[0].Length > MaximumManifest)
            throw Invalid("it is not a NuGet package, which has exactly one manifest.");
        using Stream stream = manifests[0].Open();
        using XmlReader reader = XmlReader.Create(stream, new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = MaximumManifest });
        while (reader.Read())
        {
            if (reader.NodeType == XmlNodeType.Element && reader.Depth == 2 && reader.LocalName is "id" && Id.Length == 0)
                Id = reader.ReadElementContentAsString();
            if (reader.NodeType == XmlNodeType.Element && reader.Depth == 2 && reader.LocalName is "version" && Version.Length == 0)
                Version = reader.ReadElementContentAsString();
        }
        if (IdForm().Match(Id) is not { Success: true } match)
            throw Invalid("it is not a LLamaSharp backend package.");
        if (Version != EngineVersion.LLamaSharp)
            throw Invalid($"it is for LLamaSharp {Version}, but this module uses {EngineVersion.LLamaSharp}.");
        Name = match.Groups["name"].Value;
    }

    private void FindLibraries()
    {
        string prefix = $"LLamaSharpRuntimes/{NativePlatform.RuntimeIdentifier}/native/";
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        foreach (ZipArchiveEntry entry in _archive.Entries)
        {
            if (!entry.FullName.StartsWith(prefix, StringComparison.Ordinal) || entry.FullName.EndsWith('/'))
                continue;
            string name = entry.FullName[prefix.Length..];
            if (!LibraryForm().IsMatch(name) || !name.EndsWith(NativePlatform.LibraryExtension, StringComparison.Ordinal))
                throw Invalid($"its entry '{entry.FullName}' is not named like a library.");
            if (!names.Add(name))
                throw Invalid($"it contains '{entry.FullName}' twice.");
            if (entry.Length > MaximumFile)
                throw Invalid($"its entry '{entry.FullName}' is larger than {MaximumFile >> 30} GiB.");
            // The multimodal library is not used here.
            if (!name.EndsWith(NativePlatform.LibraryFile("mtmd"), StringComparison.Ordinal))
                _libraries[name] = entry;
        }
        if (Size > MaximumTotal)
            throw Invalid($"its libraries are larger than {MaximumTotal >> 30} GiB in total.");
        if (_libraries.Count == 0)
            throw Invalid($"it has no libraries for {NativePlatform.RuntimeIdentifier}.{OtherPackage()}");
        RequireComplete();
    }

    // The package without an operating system in its name has no libraries: it depends on those that do.
    private string OtherPackage() => Id.EndsWith(Name, StringComparison.Ordinal) && !Name.Equals("Cpu", StringComparison.Ordinal)
        ? $" They are in '{Id}.{(OperatingSystem.IsWindows() ? "Windows" : "Linux")}'."
        : "";

    private void RequireComplete()
    {
        // cuda12 has libggml-cuda, vulkan has libggml-vulkan, and each CPU variant has libggml-cpu.
        string backend = "ggml-" + Name.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9').ToLowerInvariant();
        foreach (string folder in _libraries.Keys.Select(name => name[..(name.LastIndexOf('/') + 1)]).Distinct())
        {
            foreach (string library in (string[])["llama", "ggml", "ggml-base", backend])
            {
                if (!_libraries.ContainsKey(folder + NativePlatform.LibraryFile(library)))
                    throw Invalid($"it lacks the library '{folder}{NativePlatform.LibraryFile(library)}'.");
            }
        }
    }

    private string Copy(ZipArchiveEntry entry, string destination, CancellationToken cancellationToken)
    {
        using Stream source = entry.Open();
        using FileStream target = new(destination, FileMode.CreateNew, FileAccess.Write);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 18];
        long written = 0;
        int count;
        while ((count = source.Read(buffer)) > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (written == 0 && !IsNativeLibrary(buffer.AsSpan(0, count)))
                throw Invalid($"its entry '{entry.FullName}' is not a library for this system.");
            written += count;
            if (written > entry.Length)
                throw Invalid($"its entry '{entry.FullName}' is longer than its header says.");
            target.Write(buffer, 0, count);
            hash.AppendData(buffer, 0, count);
        }
        if (written != entry.Length || written == 0)
            throw Invalid($"its entry '{entry.FullName}' is shorter than its header says.");
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static bool IsNativeLibrary(ReadOnlySpan<byte> start) =>
        OperatingSystem.IsWindows() ? start.StartsWith("MZ"u8)
        : OperatingSystem.IsMacOS() ? start.StartsWith((ReadOnlySpan<byte>)[0xCF, 0xFA, 0xED, 0xFE]) || start.StartsWith((ReadOnlySpan<byte>)[0xCA, 0xFE, 0xBA, 0xBE])
        : start.StartsWith("\u007FELF"u8);

    private InvalidEnginePackageException Invalid(string reason) => new(_path, reason);
}
