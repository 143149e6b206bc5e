using GgufQuant.Gguf;

namespace GgufQuant.Tests.Gguf;

/// <summary>Edits keep everything else unchanged; small ones touch a few bytes, and none leaves a damaged file.</summary>
public sealed class GgufMetadataEditorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("u32", 17u)]
    [InlineData("bool", false)]
    [InlineData("general.architecture", "qwen2")]
    public void A_value_of_the_same_size_is_changed_in_place(string key, object value)
    {
        string path = Write();
        byte[] before = File.ReadAllBytes(path);
        Assert.Equal(GgufEdit.InPlace, Edit(path, [GgufEntry.Create(key, value)]));
        byte[] after = File.ReadAllBytes(path);
        Assert.Equal(GgufBytes.Write(Replaced(key, value), GgufBytes.SomeTensors), after);
        Assert.InRange(before.Zip(after).Count(pair => pair.First != pair.Second), 1, 8);
    }

    [Theory]
    [InlineData("str.empty", "no longer")]
    [InlineData("general.architecture", "other type of the same key")]
    [InlineData("a.str", 5)]
    public void Another_size_rewrites_the_file(string key, object value)
    {
        string path = Write();
        Assert.Equal(GgufEdit.Rewritten, Edit(path, [GgufEntry.Create(key, value)]));
        Assert.Equal(GgufBytes.Write(Replaced(key, value), GgufBytes.SomeTensors), File.ReadAllBytes(path));
        Assert.Equal([path], _folder.Files);
    }

    [Fact]
    public void Keys_are_added_and_removed()
    {
        string path = Write();
        Assert.Equal(GgufEdit.Rewritten, Edit(path, [GgufEntry.Create("new.key", "new")], ["u8", "long.a.str"]));
        Assert.Equal(
            GgufBytes.Write([.. GgufBytes.EveryValue.Where(entry => entry.Key is not ("u8" or "long.a.str")), ("new.key", "new")], GgufBytes.SomeTensors),
            File.ReadAllBytes(path));
    }

    [Fact]
    public void Padding_takes_a_short_value_at_the_end_in_place()
    {
        string path = _folder.File("short.gguf");
        File.WriteAllBytes(path, GgufBytes.Write([("k", "")], GgufBytes.SomeTensors.Take(1).ToArray()));
        Assert.Equal(GgufEdit.InPlace, Edit(path, [GgufEntry.Create("k", "v")]));
        Assert.Equal(GgufBytes.Write([("k", "v")], GgufBytes.SomeTensors.Take(1).ToArray()), File.ReadAllBytes(path));
    }

    [Fact]
    public void A_change_across_two_pages_rewrites_the_file()
    {
        string path = _folder.File("pages.gguf");
        List<(string, object)> metadata = [("a", "1"), ("filler", new string('x', 5000)), ("b", "2")];
        File.WriteAllBytes(path, GgufBytes.Write(metadata, []));
        Assert.Equal(GgufEdit.Rewritten, Edit(path, [GgufEntry.Create("a", "3"), GgufEntry.Create("b", "4")]));
        Assert.Equal(GgufBytes.Write([("a", "3"), metadata[1], ("b", "4")], []), File.ReadAllBytes(path));
    }

    [Fact]
    public void The_alignment_can_be_changed()
    {
        string path = Write();
        Assert.Equal(GgufEdit.Rewritten, Edit(path, [GgufEntry.Create("general.alignment", 512u)]));
        Assert.Equal(GgufBytes.Write([.. GgufBytes.EveryValue, ("general.alignment", 512u)], GgufBytes.SomeTensors), File.ReadAllBytes(path));
    }

    [Fact]
    public void Without_changes_nothing_is_touched()
    {
        string path = Write();
        DateTime time = new(2001, 2, 3, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, time);
        Assert.Equal(GgufEdit.Unchanged, Edit(path, [GgufEntry.Create("u32", 4000000000u)]));
        Assert.Equal(time, File.GetLastWriteTimeUtc(path));
    }

    [Fact]
    public void In_a_split_model_the_first_shard_changes()
    {
        using (GgufFile file = GgufFile.Open(Write()))
            GgufSplitter.Split(file, _folder.File("part"), new() { MaxTensors = 2 }, token: TestContext.Current.CancellationToken);
        string last = _folder.File("part-00003-of-00003.gguf");
        byte[] before = File.ReadAllBytes(last);
        Assert.Equal(GgufEdit.Rewritten, Edit(last, [GgufEntry.Create("general.name", "Renamed")]));
        Assert.Equal(before, File.ReadAllBytes(last));
        using GgufFile changed = GgufFile.Open(last);
        Assert.Equal("Renamed", changed.Metadata.Find("general.name")!.Value);
        Assert.Equal(GgufBytes.SomeTensors.Count, changed.Tensors.Count);
    }

    [Fact]
    public void A_big_endian_file_becomes_a_little_endian_one()
    {
        string path = _folder.File("big.gguf");
        File.WriteAllBytes(path, BigEndian.SwapHeader(GgufBytes.Write([("k", 1)], [])));
        Assert.Equal(GgufEdit.Rewritten, Edit(path, [GgufEntry.Create("k", 2)]));
        Assert.Equal(GgufBytes.Write([("k", 2)], []), File.ReadAllBytes(path));
    }

    [Fact]
    public void Invalid_edits_leave_the_file_alone()
    {
        string path = Write();
        byte[] before = File.ReadAllBytes(path);
        Assert.Throws<ArgumentException>(() => Edit(path, [], ["nothing"]));
        Assert.Throws<ArgumentException>(() => Edit(path, [GgufEntry.Create("split.count", (ushort)3)]));
        Assert.Throws<ArgumentException>(() => Edit(path, [GgufEntry.Create("general.alignment", 48u)]));
        Assert.Throws<ArgumentException>(() => Edit(path, [GgufEntry.Create("k", 1), GgufEntry.Create("k", 2)]));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], _folder.Files);
    }

    [Fact]
    public void A_shard_of_a_big_endian_model_stays()
    {
        string[] paths = [.. Enumerable.Range(0, 2).Select(i => _folder.File($"big-{i + 1:D5}-of-00002.gguf"))];
        for (int i = 0; i < paths.Length; i++)
            File.WriteAllBytes(paths[i], BigEndian.SwapHeader(GgufBytes.Write([("k", 1), ("split.no", (ushort)i), ("split.count", (ushort)2)], [])));
        Assert.Contains("merge the model first", Assert.Throws<ArgumentException>(() => Edit(paths[0], [GgufEntry.Create("k", 2)])).Message);
        GgufFile.Open(paths[1]).Dispose();
    }

    [Fact]
    public void A_header_without_tensors_leaves_nothing_behind_when_it_shrinks()
    {
        string path = _folder.File("header.gguf");
        File.WriteAllBytes(path, GgufBytes.Write([("k", 1), ("long", new string('x', 100))], []));
        Edit(path, [], ["long"]);
        Assert.Equal(GgufBytes.Write([("k", 1)], []), File.ReadAllBytes(path));
    }

    [Fact]
    public void A_read_only_file_stays()
    {
        string path = Write();
        byte[] before = File.ReadAllBytes(path);
        File.SetAttributes(path, FileAttributes.ReadOnly);
        Assert.Throws<UnauthorizedAccessException>(() => Edit(path, [GgufEntry.Create("a.longer.key", "that needs another file")]));
        Assert.Equal(before, File.ReadAllBytes(path));
        File.SetAttributes(path, FileAttributes.Normal);
    }

    [Fact]
    public void A_link_stays_a_link()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets few users make links.");
        string path = Write();
        string link = _folder.File("link.gguf");
        File.CreateSymbolicLink(link, path);
        Assert.Equal(GgufEdit.Rewritten, Edit(link, [GgufEntry.Create("new", "key")]));
        Assert.Equal(path, File.ResolveLinkTarget(link, returnFinalTarget: true)!.FullName);
        using GgufFile changed = GgufFile.Open(path);
        Assert.Equal("key", changed.Metadata.Find("new")!.Value);
    }

    [Fact]
    public void The_files_mode_is_kept()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no file modes.");
        string path = Write();
        UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
            Edit(path, [GgufEntry.Create("new", "key")]);
            Assert.Equal(mode, File.GetUnixFileMode(path));
        }
    }

    private static GgufEdit Edit(string path, IEnumerable<GgufEntry> set, IEnumerable<string>? remove = null) =>
        GgufMetadataEditor.Apply(path, set, remove ?? [], token: TestContext.Current.CancellationToken);

    private static IEnumerable<(string, object)> Replaced(string key, object value) =>
        GgufBytes.EveryValue.Select(entry => entry.Key == key ? (key, value) : entry);

    private string Write()
    {
        string path = _folder.File("model.gguf");
        File.WriteAllBytes(path, GgufBytes.Write(GgufBytes.EveryValue, GgufBytes.SomeTensors));
        return path;
    }
}
