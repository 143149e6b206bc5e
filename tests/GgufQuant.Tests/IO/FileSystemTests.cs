using System.Text.RegularExpressions;
using GgufQuant.IO;

namespace GgufQuant.Tests.IO;

/// <summary>The operations in which platforms differ are in one place, and are what they are said to be on this one.</summary>
public sealed partial class FileSystemTests : IDisposable
{
    private static readonly string[] s_fileSystems = ["IFileSystem.cs", "PosixFileSystem.cs", "WindowsFileSystem.cs"];
    private readonly TemporaryFolder _folder = new();

    private static IFileSystem Files => FileSystem.Native;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Only_the_file_systems_touch_what_platforms_do_differently()
    {
        string source = Repository.PathOf("src");
        string[] files = [.. Directory.EnumerateFiles(source, "*.cs", SearchOption.AllDirectories).Where(file => !Generated().IsMatch(Path.GetRelativePath(source, file)))];
        string[] others =
        [
            .. from file in files
               where !s_fileSystems.Contains(Path.GetFileName(file))
               from Match operation in Operation().Matches(File.ReadAllText(file))
               select $"{Path.GetRelativePath(source, file)}: {operation.Value}",
        ];
        Assert.Empty(others);
        Assert.All(s_fileSystems, name => Assert.Matches(Operation(), File.ReadAllText(files.Single(file => Path.GetFileName(file) == name))));
    }

    [Fact]
    public void A_file_is_known_by_one_identity_whatever_its_path()
    {
        string path = _folder.File("model.gguf");
        string other = _folder.File("other.gguf");
        File.WriteAllBytes(path, [1]);
        File.WriteAllBytes(other, [1]);
        Assert.NotNull(Files.Identify(path));
        Assert.Equal(Files.Identify(path), Files.Identify(Path.Combine(_folder.Path, ".", "model.gguf")));
        Assert.NotEqual(Files.Identify(path), Files.Identify(other));
        Assert.NotEqual(Files.Identify(path), Files.Identify(_folder.Path));
        Assert.Null(Files.Identify(_folder.File("missing.gguf")));

        File.Move(path, other, overwrite: true);
        Assert.NotNull(Files.Identify(other));
        Assert.Null(Files.Identify(path));
    }

    [Fact]
    public void Only_what_was_written_of_a_sparse_file_takes_space()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems may fill the file.");
        string path = _folder.File("sparse.gguf");
        using (FileStream stream = File.Create(path))
        {
            Files.SetLength(stream, 64 << 20);
            stream.Write(new byte[1 << 20]);
            Files.Flush(stream.SafeFileHandle, path);
        }
        Assert.InRange(Files.CountAllocatedBytes(path), 1 << 20, 2 << 20);
        Assert.Equal(0, Files.CountAllocatedBytes(_folder.File("missing.gguf")));
    }

    [Fact]
    public void The_space_is_that_of_the_folder_and_not_of_its_root()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists("/dev/shm"), "There is no folder on another disk.");
        Assert.Equal(new DriveInfo("/dev/shm").AvailableFreeSpace, (double)Files.FindFreeBytes("/dev/shm")!, 1e8);
        Assert.Null(Files.FindFreeBytes(_folder.File("missing")));
    }

    [Theory]
    [InlineData(@"C:\models\a.gguf", @"C:\models\a.gguf")]
    [InlineData(@"C:\LONG/a.gguf", @"\\?\C:\LONG\a.gguf")]
    [InlineData(@"\\server\share\LONG\a.gguf", @"\\?\UNC\server\share\LONG\a.gguf")]
    [InlineData(@"\\?\C:\LONG\a.gguf", @"\\?\C:\LONG\a.gguf")]
    [InlineData(@"\\.\C:\LONG\a.gguf", @"\\.\C:\LONG\a.gguf")]
    public void A_path_is_extended_from_260_characters_on(string path, string extended)
    {
        string name = new('n', 260);
        Assert.Equal(extended.Replace("LONG", name, StringComparison.Ordinal), WindowsPath.Extend(path.Replace("LONG", name, StringComparison.Ordinal)));
        Assert.Equal(259, WindowsPath.Extend(@"C:\".PadRight(259, 'n')).Length);
        Assert.Equal(264, WindowsPath.Extend(@"C:\".PadRight(260, 'n')).Length);
    }

    [GeneratedRegex(@"\bFile\.(Move|Replace|Delete|ResolveLinkTarget)\(|\bDirectory\.(Move|ResolveLinkTarget)\(|\.(MoveTo|ResolveLinkTarget)\(|FlushToDisk|flushToDisk|Flush\(true|DriveInfo|(?<!files|Native)\.SetLength\(|PreallocationSize|fsync|statx|GetDiskFreeSpace|GetFileInformationByHandle")]
    private static partial Regex Operation();

    [GeneratedRegex(@"(^|[\\/])(bin|obj)[\\/]")]
    private static partial Regex Generated();
}
