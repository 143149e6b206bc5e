using System.Diagnostics;
using GgufQuant.IO;

namespace GgufQuant.Tests.IO;

/// <summary>What a write leaves next to its file, and who removes it.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("model[1].gguf");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_a_killed_process_left_is_removed()
    {
        string abandoned = Touch($"model[1].gguf.{Guid.NewGuid():N}.partial");
        Write();
        Assert.False(File.Exists(abandoned));
        Assert.Equal([Target], _folder.Files);
    }

    [Fact]
    public void What_another_process_writes_stays()
    {
        using (AtomicFile.Create(Target, 2, overwrite: false, Header))
        {
            string written = Assert.Single(_folder.Files);
            Write();
            Assert.Equal([Target, written], _folder.Files.Order());
        }
        Assert.Equal([Target], _folder.Files);
    }

    [Fact]
    public void What_another_machine_may_be_writing_stays_for_an_hour_without_locks()
    {
        string recent = Touch($"model[1].gguf.{Guid.NewGuid():N}.partial");
        string old = Touch($"model[1].gguf.{Guid.NewGuid():N}.partial");
        string written = Touch($"model[1].gguf.{Guid.NewGuid():N}.partial");
        File.SetLastWriteTimeUtc(recent, DateTime.UtcNow.AddMinutes(-55));
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddMinutes(-65));
        File.SetLastWriteTimeUtc(written, DateTime.UtcNow.AddMinutes(-65));
        using (File.Open(written, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        using (AtomicFile file = AtomicFile.Create(Target, 2, overwrite: false, Header, isShared: true))
            file.Commit(TestContext.Current.CancellationToken);
        Assert.Equal(((string[])[Target, recent, written]).Order(), _folder.Files.Order());
    }

    [Fact]
    public void What_a_killed_process_of_this_machine_left_is_removed_at_once_without_locks()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere, the machine of a process is not known.");
        using Process ended = Process.Start("true");
        ended.WaitForExit();
        using Process runs = Process.Start("sleep", "60");
        string ofEnded = WriterId.Create(ended.Id);
        Touch($"model[1].gguf.{ofEnded}.partial");
        string living = Touch($"model[1].gguf.{WriterId.Create(runs.Id)}.partial");
        string elsewhere = Touch($"model[1].gguf.{new string('0', 16)}{ofEnded[16..]}.partial");
        try
        {
            using AtomicFile file = AtomicFile.Create(Target, 2, overwrite: false, Header, isShared: true);
            file.Commit(TestContext.Current.CancellationToken);
        }
        finally
        {
            runs.Kill();
        }
        Assert.Equal(((string[])[Target, living, elsewhere]).Order(), _folder.Files.Order());
    }

    [Fact]
    public void Files_of_a_set_that_are_named_one_by_one_replace_what_has_appeared()
    {
        string[] targets = SetOfThree();
        List<AtomicFile> files = [.. targets.Select(target => AtomicFile.Create(target, 2, overwrite: true, Header, isShared: true))];
        File.Delete(Directory.GetFiles(_folder.Path, $"{Path.GetFileName(targets[2])}.*.partial").Single());
        Assert.ThrowsAny<IOException>(() => AtomicFile.CommitEach(files, TestContext.Current.CancellationToken));
        files.ForEach(file => file.Dispose());
        Assert.Equal([1, 2], File.ReadAllBytes(targets[0]));
        Assert.Equal([1, 2], File.ReadAllBytes(targets[1]));
        Assert.Equal([2], File.ReadAllBytes(targets[2]));
        Assert.Equal(targets, _folder.Files.Order());
    }

    [Fact]
    public void Other_files_stay()
    {
        string[] others =
        [
            // To be gone on with.
            Touch("model[1].gguf.partial"),
            Touch("model[1].gguf.backup.partial"),
            Touch($"model1.gguf.{Guid.NewGuid():N}.partial"),
            Touch($"model[1].gguf.{Guid.NewGuid():N}.part"),
        ];
        Write();
        Assert.All(others, other => Assert.True(File.Exists(other), other));
    }

    [Fact]
    public void A_target_that_appears_during_the_work_survives()
    {
        using (AtomicFile file = AtomicFile.Create(Target, 2, overwrite: false, Header))
        {
            File.WriteAllBytes(Target, [7]);
            Assert.Throws<IOException>(() => file.Commit(TestContext.Current.CancellationToken));
        }
        Assert.Equal([7], File.ReadAllBytes(Target));
        Assert.Equal([1, 2], File.ReadAllBytes($"{Target}.new"));
        Assert.Equal(2, _folder.Files.Length);
    }

    [Fact]
    public void A_link_to_nowhere_that_appears_during_the_work_survives()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need privileges on Windows.");
        using (AtomicFile file = AtomicFile.Create(Target, 2, overwrite: false, Header))
        {
            File.CreateSymbolicLink(Target, "nowhere");
            Assert.Throws<IOException>(() => file.Commit(TestContext.Current.CancellationToken));
        }
        Assert.Equal("nowhere", new FileInfo(Target).LinkTarget);
    }

    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)]
    public void A_replaced_file_keeps_its_permissions(UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no such permissions.");
            return;
        }
        File.WriteAllBytes(Target, [7]);
        File.SetUnixFileMode(Target, mode);
        using (AtomicFile file = AtomicFile.Create(Target, 2, overwrite: true, Header))
        {
            UnixFileMode written = File.GetUnixFileMode(Assert.Single(_folder.Files, path => path != Target));
            Assert.Equal(UnixFileMode.None, written & ~mode);
            file.Commit(TestContext.Current.CancellationToken);
        }
        Assert.Equal([1, 2], File.ReadAllBytes(Target));
        Assert.Equal(mode, File.GetUnixFileMode(Target));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Files_of_a_set_are_replaced_together_or_not_at_all(int failing)
    {
        string[] targets = SetOfThree();
        List<AtomicFile> files = [.. targets.Select(target => AtomicFile.Create(target, 2, overwrite: true, Header))];
        // What is gone cannot be renamed.
        File.Delete(Directory.GetFiles(_folder.Path, $"{Path.GetFileName(targets[failing])}.*.partial").Single());
        Assert.ThrowsAny<IOException>(() => AtomicFile.CommitAll(files, TestContext.Current.CancellationToken));
        files.ForEach(file => file.Dispose());
        Assert.All(targets.Index(), target => Assert.Equal([(byte)target.Index], File.ReadAllBytes(target.Item)));
        Assert.Equal(targets.Where((_, i) => i != failing).Select(target => $"{target}.new"), _folder.Files.Except(targets).Order());
    }

    [Fact]
    public void A_set_whose_last_target_appears_during_the_work_replaces_none()
    {
        string[] targets = SetOfThree();
        File.Delete(targets[2]);
        List<AtomicFile> files = [.. targets.Select((target, i) => AtomicFile.Create(target, 2, overwrite: i < 2, Header))];
        File.WriteAllBytes(targets[2], [2]);
        Assert.Throws<IOException>(() => AtomicFile.CommitAll(files, TestContext.Current.CancellationToken));
        files.ForEach(file => file.Dispose());
        Assert.All(targets.Index(), target => Assert.Equal([(byte)target.Index], File.ReadAllBytes(target.Item)));
    }

    [Fact]
    public void A_whole_set_takes_the_place_of_an_earlier_one()
    {
        string[] targets = SetOfThree();
        List<AtomicFile> files = [.. targets.Select(target => AtomicFile.Create(target, 2, overwrite: true, Header))];
        AtomicFile.CommitAll(files, TestContext.Current.CancellationToken);
        files.ForEach(file => file.Dispose());
        Assert.All(targets, target => Assert.Equal([1, 2], File.ReadAllBytes(target)));
        Assert.Equal(targets, _folder.Files.Order());
    }

    private string[] SetOfThree()
    {
        string[] targets = [.. Enumerable.Range(0, 3).Select(i => _folder.File($"part-{i}.gguf"))];
        foreach ((int i, string target) in targets.Index())
            File.WriteAllBytes(target, [(byte)i]);
        return targets;
    }

    private void Write()
    {
        using AtomicFile file = AtomicFile.Create(Target, 2, overwrite: true, Header);
        file.Commit(TestContext.Current.CancellationToken);
    }

    private string Touch(string name)
    {
        string path = _folder.File(name);
        File.WriteAllBytes(path, [1]);
        return path;
    }

    private static void Header(Stream stream) => stream.Write([1, 2]);
}
