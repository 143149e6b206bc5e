using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Tests;

/// <summary>Engines from packages: sound ones are installed whole, all others leave nothing.</summary>
public sealed class EngineInstallerTests : IDisposable
{
    private const string ManifestName = "LLamaSharp.Backend.Vulkan.Linux.nuspec";

    private static readonly string s_native = $"LLamaSharpRuntimes/{NativePlatform.RuntimeIdentifier}/native/";
    private static readonly string[] s_vulkan = ["llama", "ggml", "ggml-base", "ggml-vulkan"];

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Engines => _folder.File("engines");

    [Fact]
    public void A_package_is_installed_listed_and_chosen()
    {
        string path = Write(Vulkan());
        InstalledEngine engine = Install(path);

        Assert.Equal(("Vulkan", "LLamaSharp.Backend.Vulkan.Linux"), (engine.Name, engine.Backend));
        Assert.Equal(Path.Combine(Engines, $"Vulkan-{EngineVersion.LLamaSharp}", "vulkan"), engine.Path);
        Assert.Equal(4, Directory.GetFiles(engine.Path).Length);
        Assert.Equal(["Cpu", "Vulkan"], EngineCatalog.Find(SampleEngine.Folder, Engines).Select(found => found.Name));
        Assert.Single(Directory.GetFileSystemEntries(Engines));
    }

    [Fact]
    public void The_newest_available_engine_is_the_default()
    {
        InstalledEngine[] engines = [Engine("Cpu", null), Engine("Cuda12", null), Engine("Vulkan", "It lacks a driver.")];

        Assert.Equal("Cuda12", EngineCatalog.Choose(engines, null).Name);
        Assert.Equal("Cpu", EngineCatalog.Choose(engines, "cpu").Name);
        Assert.Contains("It lacks a driver.", Assert.Throws<EngineMissingException>(() => EngineCatalog.Choose(engines, "Vulkan")).Message);
        Assert.Contains("'Cpu', 'Cuda12', 'Vulkan'", Assert.Throws<EngineMissingException>(() => EngineCatalog.Choose(engines, "Metal")).Message);

        static InstalledEngine Engine(string name, string? reason) => new(new(name, "", ""), "", "", reason);
    }

    [Fact]
    public void An_engine_is_replaced_only_on_request()
    {
        string path = Write(Vulkan());
        string natives = Install(path).Path;
        string library = Path.Combine(natives, NativePlatform.LibraryFile("llama"));
        File.WriteAllText(library, "changed");

        Assert.Throws<IOException>(() => Install(path));
        Assert.Equal("changed", File.ReadAllText(library));
        Install(path, overwrite: true);

        Assert.NotEqual("changed", File.ReadAllText(library));
        Assert.Single(Directory.GetFileSystemEntries(Engines));
    }

    [Theory]
    [InlineData("changed")]
    [InlineData("missing")]
    [InlineData("added")]
    public void An_engine_whose_files_differ_from_what_was_installed_is_not_loaded(string difference)
    {
        string natives = Install(Write(Vulkan())).Path;
        string library = Path.Combine(natives, NativePlatform.LibraryFile("ggml"));
        if (difference == "changed")
            File.AppendAllText(library, " ");
        else if (difference == "missing")
            File.Delete(library);
        else
            File.Copy(library, Path.Combine(natives, NativePlatform.LibraryFile("cudart")));

        InstalledEngine engine = EngineCatalog.Find(SampleEngine.Folder, Engines)[^1];
        EngineMissingException exception = Assert.Throws<EngineMissingException>(() => PackagedEngine.Start(engine.GetLocation()));

        Assert.False(engine.IsAvailable);
        Assert.Contains(engine.UnavailableReason!, exception.Message);
    }

    [Fact]
    public void A_hash_must_be_that_of_the_file()
    {
        string path = Write(Vulkan());
        string hash = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

        EnginePackage.Open(path, hash, Token).Dispose();

        Assert.Contains(hash.ToLowerInvariant(), Rejected(path, new string('0', 64)));
    }

    [Theory]
    [InlineData("../llama")]
    [InlineData("vulkan/../../llama")]
    [InlineData("vulkan/deeper/llama")]
    [InlineData("..")]
    [InlineData("vulkan\\llama")]
    [InlineData("C:llama")]
    [InlineData("vulkan/llama\0")]
    public void A_library_with_a_strange_name_is_rejected(string name)
    {
        Dictionary<string, byte[]> entries = Vulkan();
        entries[s_native + name + NativePlatform.LibraryExtension] = Library();

        Assert.Contains("is not named like a library", Rejected(Write(entries)));
    }

    [Fact]
    public void What_is_not_for_this_platform_is_left_in_the_package()
    {
        Dictionary<string, byte[]> entries = Vulkan();
        entries["LLamaSharpRuntimes/other-x64/native/../../../evil"] = Library();
        entries["../evil"] = Library();
        entries["tools/init.ps1"] = Library();

        InstalledEngine engine = Install(Write(entries));

        Assert.Equal(5, Directory.GetFiles(Path.GetDirectoryName(engine.Path)!, "*", SearchOption.AllDirectories).Length);
        Assert.False(File.Exists(_folder.File("evil")));
    }

    [Fact]
    public void A_package_without_a_library_is_rejected()
    {
        Dictionary<string, byte[]> entries = Vulkan();
        entries.Remove($"{s_native}vulkan/{NativePlatform.LibraryFile("ggml-vulkan")}");

        Assert.Contains(NativePlatform.LibraryFile("ggml-vulkan"), Rejected(Write(entries)));
    }

    [Fact]
    public void A_package_without_libraries_for_this_platform_names_the_one_that_has_them() =>
        Assert.Contains("LLamaSharp.Backend.Cuda12.", Rejected(Write(new() { [ManifestName] = Manifest("LLamaSharp.Backend.Cuda12", EngineVersion.LLamaSharp) })));

    [Theory]
    [InlineData("LLamaSharp.Backend.Vulkan.Linux", "0.29.0", "it is for LLamaSharp 0.29.0")]
    [InlineData("LLamaSharp.Backend.Vulkan.Linux", "", "it is for LLamaSharp ")]
    [InlineData("LLamaSharp", "0.30.0", "not a LLamaSharp backend package")]
    [InlineData("LLamaSharp.Backend.../../x", "0.30.0", "not a LLamaSharp backend package")]
    public void A_package_of_something_else_is_rejected(string id, string version, string reason)
    {
        Dictionary<string, byte[]> entries = Vulkan();
        entries[ManifestName] = Manifest(id, version);

        Assert.Contains(reason, Rejected(Write(entries)));
    }

    [Fact]
    public void A_manifest_that_expands_entities_is_rejected()
    {
        Dictionary<string, byte[]> entries = Vulkan();
        entries[ManifestName] = Encoding.UTF8.GetBytes("<!DOCTYPE x [<!ENTITY a 'aaaa'>]><package><metadata><id>&a;</id></metadata></package>");

        Assert.Contains("not a valid NuGet package", Rejected(Write(entries)));
    }

    [Fact]
    public void A_file_that_is_not_a_library_leaves_nothing()
    {
        Dictionary<string, byte[]> entries = Vulkan();
        entries[$"{s_native}vulkan/{NativePlatform.LibraryFile("llama")}"] = "#!/bin/sh"u8.ToArray();
        string path = Write(entries);

        Assert.Throws<InvalidEnginePackageException>(() => Install(path));

        Assert.Empty(Directory.GetFileSystemEntries(Engines));
    }

    [Fact]
    public void A_file_longer_than_its_header_says_leaves_nothing()
    {
        string path = Write(Vulkan());
        byte[] bytes = File.ReadAllBytes(path);
        // The directory's entry of the first library: the length is 24 bytes after the signature.
        int entry = bytes.AsSpan().IndexOf(Encoding.ASCII.GetBytes("PK\x01\x02"));
        for (int at = entry; at >= 0; at = Next(bytes, at))
            bytes[at + 24] = 1;
        File.WriteAllBytes(path, bytes);

        Assert.ThrowsAny<Exception>(() => Install(path));

        Assert.False(Directory.Exists(Engines) && Directory.GetFileSystemEntries(Engines).Length > 0);

        static int Next(byte[] bytes, int at)
        {
            int next = bytes.AsSpan(at + 4).IndexOf(Encoding.ASCII.GetBytes("PK\x01\x02"));
            return next < 0 ? -1 : at + 4 + next;
        }
    }

    [Fact]
    public void A_package_with_too_many_entries_is_rejected()
    {
        Dictionary<string, byte[]> entries = Vulkan();
        for (int i = 0; i < 10_001; i++)
            entries[$"{i}"] = [];

        Assert.Contains("too many entries", Rejected(Write(entries)));
    }

    [Fact]
    public void Damaged_packages_are_rejected_and_nothing_else_happens()
    {
        byte[] sound = File.ReadAllBytes(Write(Vulkan()));
        string path = _folder.File("damaged.nupkg");
        Random random = new(1);
        for (int i = 0; i < 300; i++)
        {
            byte[] bytes = sound.AsSpan(0, i % 3 == 0 ? random.Next(sound.Length) : sound.Length).ToArray();
            for (int change = 0; change < 3 && bytes.Length > 0; change++)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, bytes);
            try
            {
                Install(path, overwrite: true);
            }
            catch (InvalidEnginePackageException)
            {
            }
        }
        Assert.All(Directory.Exists(Engines) ? Directory.GetFileSystemEntries(Engines) : [], entry => Assert.StartsWith("Vulkan-", Path.GetFileName(entry)));
    }

    [Fact]
    public void Stopping_leaves_nothing()
    {
        using EnginePackage package = EnginePackage.Open(Write(Vulkan()), null, Token);

        Assert.ThrowsAny<OperationCanceledException>(() => new EngineInstaller(Engines).Install(package, overwrite: false, new(canceled: true)));

        Assert.Empty(Directory.GetFileSystemEntries(Engines));
    }

    public void Dispose() => _folder.Dispose();

    private static Dictionary<string, byte[]> Vulkan()
    {
        Dictionary<string, byte[]> entries = new() { [ManifestName] = Manifest("LLamaSharp.Backend.Vulkan.Linux", EngineVersion.LLamaSharp) };
        foreach (string library in s_vulkan)
            entries[$"{s_native}vulkan/{NativePlatform.LibraryFile(library)}"] = Library();
        entries[$"{s_native}vulkan/{NativePlatform.LibraryFile("mtmd")}"] = Library();
        return entries;
    }

    private static byte[] Manifest(string id, string version) => Encoding.UTF8.GetBytes(
        $"<?xml version=\"1.0\"?><package xmlns=\"http://schemas.microsoft.com/packaging/2011/08/nuspec.xsd\"><metadata><id>{id}</id><version>{version}</version></metadata></package>");

    // What a library of this system begins with, and more than one block of it.
    private static byte[] Library()
    {
        byte[] bytes = new byte[3000];
        (OperatingSystem.IsWindows() ? "MZ"u8 : OperatingSystem.IsMacOS() ? [0xCF, 0xFA, 0xED, 0xFE] : "\u007FELF"u8).CopyTo(bytes);
        return bytes;
    }

    private string Write(Dictionary<string, byte[]> entries)
    {
        string path = _folder.File($"{Guid.NewGuid():N}.nupkg");
        using ZipArchive archive = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach ((string name, byte[] data) in entries)
        {
            using Stream stream = archive.CreateEntry(name).Open();
            stream.Write(data);
        }
        return path;
    }

    private InstalledEngine Install(string path, bool overwrite = false)
    {
        EngineInstaller installer = new(Engines);
        using EnginePackage package = EnginePackage.Open(path, null, Token);
        installer.Install(package, overwrite, Token);
        return EngineCatalog.Find(SampleEngine.Folder, Engines).Single(engine => engine.Path.StartsWith(installer.FolderOf(package), StringComparison.Ordinal));
    }

    private static string Rejected(string path, string? hash = null) =>
        Assert.Throws<InvalidEnginePackageException>(() => EnginePackage.Open(path, hash, Token).Dispose()).Message;
}
