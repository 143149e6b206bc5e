using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.IO;

/// <summary>Paths are the same if they lead to the same file, whatever their text.</summary>
public sealed class PathIdentityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Links_lead_to_the_same_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need privileges on Windows.");
        string path = Write("model.gguf");
        string link = _folder.File("link.gguf");
        File.CreateSymbolicLink(link, path);
        string folder = _folder.File("folder");
        Directory.CreateSymbolicLink(folder, _folder.Path);
        Assert.True(PathIdentity.AreSame(path, link));
        Assert.True(PathIdentity.AreSame(path, Path.Combine(folder, "model.gguf")));
        Assert.True(PathIdentity.AreSame(_folder.Path, folder));
        Assert.False(PathIdentity.AreSame(path, Write("other.gguf")));
        // Of files that do not exist, the folder decides and the name.
        Assert.True(PathIdentity.AreSame(_folder.File("new.gguf"), Path.Combine(folder, "new.gguf")));
        Assert.True(PathIdentity.AreSame(_folder.File("a/b/new.gguf"), Path.Combine(folder, "a", "b", "new.gguf")));
        Assert.False(PathIdentity.AreSame(_folder.File("new.gguf"), Path.Combine(folder, "newer.gguf")));
        Assert.False(PathIdentity.AreSame(_folder.File("new.gguf"), path));
    }

    [Fact]
    public void A_folder_that_resolves_to_itself_and_ancestors_that_cannot_be_listed_do_not_matter()
    {
        string home = Path.Combine(Path.GetPathRoot(_folder.Path)!, "shares", "home", "me");
        string first = Path.Combine(home, "model.gguf");
        string second = Path.Combine(Path.GetPathRoot(_folder.Path)!, "mnt", "data", "model.gguf");
        WindowsRules files = new() { Identities = path => path == first || path == second ? new FileIdentity(1, 2) : null };
        Assert.NotEqual(second, files.FindLinkTarget(second));
        Assert.True(PathIdentity.AreSame(files, first, second));
        Assert.False(PathIdentity.AreSame(files, first, Path.Combine(home, "other.gguf")));
        // Where the file system says nothing, the text does.
        Assert.True(PathIdentity.AreSame(files, Path.Combine(home, "a.gguf"), Path.Combine(home, "a.gguf")));
        Assert.False(PathIdentity.AreSame(files, Path.Combine(home, "a.gguf"), Path.Combine(home, "b.gguf")));
    }

    [Fact]
    public void A_source_under_another_spelling_is_not_replaced()
    {
        string path = _folder.File("model.gguf");
        File.Copy(Sample.Model, path);
        string spelling = _folder.File("MODEL~1.GGU");
        WindowsRules files = new() { Identities = file => file == path || file == spelling ? new FileIdentity(1, 2) : null };
        using GgufFile source = GgufFile.Open(path);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q8_0);
        IOException thrown = Assert.Throws<IOException>(
            () => new Quantizer(new() { FileSystem = files }).Run(plan, spelling, overwrite: true, progress: null, TestContext.Current.CancellationToken));
        Assert.Contains($"'{spelling}' is the source model", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shard_under_another_spelling_is_a_shard()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need privileges on Windows.");
        using (GgufFile model = GgufFile.Open(Sample.Model))
            GgufSplitter.Split(model, _folder.File("model"), new() { MaxTensors = 20 }, progress: null, TestContext.Current.CancellationToken);
        string shard = _folder.Files.Order(StringComparer.Ordinal).Last();
        string spelling = shard.Replace("-of-", "-OF-", StringComparison.Ordinal);
        File.CreateSymbolicLink(spelling, shard);
        using (GgufFile model = GgufFile.Open(spelling))
            Assert.Equal(_folder.Files.Length - 1, model.Shards.Count);
        File.Delete(spelling);
        File.Copy(shard, spelling);
        Assert.Contains("its name must end in", Assert.Throws<GgufFormatException>(() => GgufFile.Open(spelling)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_spelling_stands_for_all()
    {
        Dictionary<string, FileIdentity> disk = [];
        string[] paths = [.. "abcd".Select(letter => _folder.File($"{letter}.gguf"))];
        PathSpellings spellings = new(new WindowsRules { Identities = path => disk.TryGetValue(path, out FileIdentity file) ? file : null });
        disk[paths[0]] = disk[paths[1]] = new(1, 2);
        Assert.Equal(paths[0], spellings.Of(paths[0]));
        Assert.Equal(paths[0], spellings.Of(paths[1]));
        Assert.Equal(paths[2], spellings.Of(paths[2]));
        // A file number that is used again is another file.
        disk.Clear();
        disk[paths[3]] = new(1, 2);
        Assert.Equal(paths[3], spellings.Of(paths[3]));
    }

    private string Write(string name)
    {
        string path = _folder.File(name);
        File.WriteAllBytes(path, [1]);
        return path;
    }
}
