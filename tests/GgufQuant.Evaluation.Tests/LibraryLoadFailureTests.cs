using System.Buffers.Binary;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tests;

/// <summary>What is said of a library that cannot be loaded, on any platform.</summary>
public sealed class LibraryLoadFailureTests : IDisposable
{
    private static readonly DllNotFoundException s_notFound = new("The specified module could not be found.");
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, Architecture> Headers => new(
        from kind in (string[])["ELF", "PE", "Mach-O"]
        from architecture in (Architecture[])[Architecture.X64, Architecture.Arm64]
        select (kind, architecture));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Headers))]
    public void A_library_for_another_architecture_is_named_as_such(string kind, Architecture architecture)
    {
        string path = Write(kind, architecture);
        Assert.Equal(architecture, LibraryArchitecture.Of(path));
        Architecture other = architecture == Architecture.X64 ? Architecture.Arm64 : Architecture.X64;
        string name = architecture.ToString().ToLowerInvariant();
        Assert.Contains($"it is for {name}, but this PowerShell runs as", LibraryLoadFailure.Describe(path, other, "no matter", s_notFound), StringComparison.Ordinal);
        Assert.EndsWith($"cannot be loaded: {s_notFound.Message}", LibraryLoadFailure.Describe(path, architecture, missing: null, s_notFound), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MZ")]
    [InlineData("not a library")]
    public void A_file_that_is_no_library_has_no_architecture(string text)
    {
        string path = _folder.File("text.dll");
        File.WriteAllText(path, text);
        Assert.Null(LibraryArchitecture.Of(path));
        Assert.Null(LibraryArchitecture.Of(_folder.File("missing.dll")));
    }

    [Theory]
    [InlineData(Architecture.X64, "msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll", "vcomp140.dll")]
    [InlineData(Architecture.Arm64, "msvcp140.dll", "vcruntime140.dll")]
    public void On_Windows_the_runtime_libraries_of_Visual_C_are_needed(Architecture architecture, params string[] libraries)
    {
        (string Library, string Advice)[] needed = [.. NativeDependencies.Of("Cpu", isWindows: true, architecture)];
        Assert.Equal(libraries, needed.Select(dependency => dependency.Library));
        string missing = $"'{needed[0].Library}' was not found: {needed[0].Advice}.";
        Assert.Contains("Visual C++ Redistributable", LibraryLoadFailure.Describe(Write("PE", architecture), architecture, missing, s_notFound), StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_with_the_libraries_of_another_platform_names_it()
    {
        File.WriteAllText(_folder.File("GgufQuant.LLamaSharp.dll"), "");
        Directory.CreateDirectory(_folder.File(Path.Combine("runtimes", "other-arm64")));
        InstalledEngine engine = Assert.Single(EngineCatalog.Find(_folder.Path, installFolder: null));
        Assert.Contains($"no libraries for {NativePlatform.RuntimeIdentifier}, which this PowerShell runs as, only for other-arm64", engine.UnavailableReason, StringComparison.Ordinal);
    }

    private string Write(string kind, Architecture architecture)
    {
        byte[] header = new byte[256];
        bool isX64 = architecture == Architecture.X64;
        switch (kind)
        {
            case "ELF":
                "\u007FELF\u0002"u8.CopyTo(header);
                BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(18), (ushort)(isX64 ? 62 : 183));
                break;
            case "PE":
                "MZ"u8.CopyTo(header);
                header[0x3C] = 0x80;
                "PE\0\0"u8.CopyTo(header.AsSpan(0x80));
                BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(0x84), (ushort)(isX64 ? 0x8664 : 0xAA64));
                break;
            default:
                BinaryPrimitives.WriteUInt32LittleEndian(header, 0xFEEDFACF);
                BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), isX64 ? 0x01000007u : 0x0100000Cu);
                break;
        }
        string path = _folder.File($"{kind}-{architecture}.dll");
        File.WriteAllBytes(path, header);
        return path;
    }
}
