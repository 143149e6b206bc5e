using GgufQuant.IO;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Tests.IO;

/// <summary>What happens by Windows' rules to a target that cannot be replaced: nothing that is finished is thrown away.</summary>
public sealed class FinishedFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly WindowsRules _windows = new();

    private string Target => _folder.File("model.gguf");

    private string Kept => Target + ".new";

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_target_that_is_open_is_found_before_the_work()
    {
        File.WriteAllBytes(Target, [7]);
        using FileStream reader = File.OpenRead(Target);
        Assert.Contains($"'{Target}' cannot be replaced", Assert.Throws<IOException>(() => Begin(Target)).Message, StringComparison.Ordinal);
        Assert.Equal([Target], _folder.Files);
    }

    [Fact]
    public void A_target_that_is_read_only_is_found_before_the_work()
    {
        File.WriteAllBytes(Target, [7]);
        File.SetAttributes(Target, FileAttributes.ReadOnly);
        Assert.Contains($"'{Target}' is read-only", Assert.Throws<IOException>(() => Begin(Target)).Message, StringComparison.Ordinal);
        File.SetAttributes(Target, FileAttributes.Normal);
    }

    [Fact]
    public void A_target_that_the_caller_has_open_is_replaced_once_it_is_closed()
    {
        File.WriteAllBytes(Target, [7]);
        using FileStream reader = File.OpenRead(Target);
        using AtomicFile file = AtomicFile.Create(Target, 2, overwrite: true, Header, isOpenHere: true, fileSystem: _windows);
        reader.Dispose();
        file.Commit(TestContext.Current.CancellationToken);
        Assert.Equal([1, 2], File.ReadAllBytes(Target));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_that_a_scanner_has_open_for_a_moment_is_waited_for(bool isTarget)
    {
        File.WriteAllBytes(Target, [7]);
        WindowsRules patient = new() { Patience = TimeSpan.FromSeconds(30) };
        using AtomicFile file = AtomicFile.Create(Target, 2, overwrite: true, Header, fileSystem: new ScannedFiles(patient, isTarget));
        await Task.Run(() => file.Commit(TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        Assert.Equal([1, 2], File.ReadAllBytes(Target));
        Assert.Equal([Target], _folder.Files);
    }

    [Fact]
    public void A_finished_file_stays_beside_a_target_that_cannot_be_replaced()
    {
        File.WriteAllBytes(Target, [7]);
        using (AtomicFile file = Begin(Target))
        {
            using FileStream reader = File.OpenRead(Target);
            IOException thrown = Assert.Throws<IOException>(() => file.Commit(TestContext.Current.CancellationToken));
            Assert.Contains($"'{Target}'", thrown.Message, StringComparison.Ordinal);
            Assert.Contains($"'{Kept}'", thrown.Message, StringComparison.Ordinal);
        }
        Assert.Equal([7], File.ReadAllBytes(Target));
        Assert.Equal([1, 2], File.ReadAllBytes(Kept));

        // The next one of that name neither removes nor replaces it.
        using (AtomicFile file = Begin(Target))
            file.Commit(TestContext.Current.CancellationToken);
        Assert.Equal([Target, Kept], _folder.Files.Order());
        using (AtomicFile file = Begin(Target))
        {
            using FileStream reader = File.OpenRead(Target);
            Assert.Throws<IOException>(() => file.Commit(TestContext.Current.CancellationToken));
        }
        Assert.Equal(2, _folder.Files.Count(path => path.EndsWith(".new", StringComparison.Ordinal)));
        Assert.Equal(3, _folder.Files.Length);
    }

    [Fact]
    public void A_finished_file_to_be_resumed_keeps_its_name()
    {
        File.WriteAllBytes(Target, [7]);
        string unfinished = AtomicFile.UnfinishedPathOf(Target);
        using (AtomicFile file = AtomicFile.Create(Target, 2, overwrite: true, Header, AtomicFile.Continuation.FromNothing, fileSystem: _windows))
        {
            using FileStream reader = File.OpenRead(Target);
            Assert.Contains($"'{unfinished}'", Assert.Throws<IOException>(() => file.Commit(TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        }
        Assert.Equal([Target, unfinished], _folder.Files.Order());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_set_of_which_one_target_is_open_stays_whole_and_so_does_the_new_one(int open)
    {
        string[] targets = [.. Enumerable.Range(0, 3).Select(i => _folder.File($"part-{i}.gguf"))];
        foreach ((int i, string target) in targets.Index())
            File.WriteAllBytes(target, [(byte)i]);
        List<AtomicFile> files = [.. targets.Select(Begin)];
        using (File.OpenRead(targets[open]))
        {
            string message = Assert.Throws<IOException>(() => AtomicFile.CommitAll(files, TestContext.Current.CancellationToken)).Message;
            Assert.All(targets, target => Assert.Contains($"'{target}.new'", message, StringComparison.Ordinal));
        }
        files.ForEach(file => file.Dispose());
        Assert.All(targets.Index(), target => Assert.Equal([(byte)target.Index], File.ReadAllBytes(target.Item)));
        Assert.All(targets, target => Assert.Equal([1, 2], File.ReadAllBytes(target + ".new")));
        Assert.Equal(6, _folder.Files.Length);
    }

    [Fact]
    public void Disposing_does_not_throw_while_a_scanner_has_the_unfinished_file_open()
    {
        ScannedFiles scanned = new(_windows, isTarget: false) { HoldsForever = true };
        AtomicFile file = AtomicFile.Create(Target, 2, overwrite: false, Header, fileSystem: scanned);
        file.Dispose();
        string left = Assert.Single(_folder.Files);
        Assert.EndsWith(".partial", left, StringComparison.Ordinal);
        scanned.Release();
        using (AtomicFile next = Begin(Target))
            Assert.DoesNotContain(left, _folder.Files);
    }

    private AtomicFile Begin(string path) => AtomicFile.Create(path, 2, overwrite: true, Header, fileSystem: _windows);

    private static void Header(Stream stream) => stream.Write([1, 2]);

    /// <summary>Files that a scanner opens just before they are renamed or deleted, and closes when that was refused for the third time.</summary>
    private sealed class ScannedFiles(IFileSystem files, bool isTarget) : IFileSystem
    {
        private FileStream? _scanner;
        private int _refused;

        public bool HoldsForever { get; init; }

        public TimeSpan Patience => files.Patience;

        public void Release() => _scanner?.Dispose();

        public FileIdentity? Identify(string path) => files.Identify(path);

        public bool IsSpecial(string path) => files.IsSpecial(path);

        public long? FindFreeBytes(string folder) => files.FindFreeBytes(folder);

        public long CountAllocatedBytes(string path) => files.CountAllocatedBytes(path);

        public void Flush(SafeFileHandle file, string path) => files.Flush(file, path);

        public void FlushFolder(string path) => files.FlushFolder(path);

        public void TryReplacing(string path) => files.TryReplacing(path);

        public void Move(string from, string to, bool overwrite) => Scan(isTarget ? to : from, () => files.Move(from, to, overwrite));

        public void Delete(string path) => Scan(path, () => files.Delete(path));

        public bool IsInUse(Exception exception) => files.IsInUse(exception);

        private void Scan(string path, Action operation)
        {
            _scanner ??= File.OpenRead(path);
            try
            {
                operation();
            }
            catch when (++_refused == 3 && !HoldsForever)
            {
                _scanner.Dispose();
                throw;
            }
        }
    }
}
