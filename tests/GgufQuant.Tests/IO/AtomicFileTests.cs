using GgufQuant.IO;

namespace GgufQuant.Tests.IO;

/// <summary>What is left beside a file that is written, and by whom it is removed.</summary>
public sealed class AtomicFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("GgufQuant.Tests.").FullName;

    private string Target => Path.Combine(_folder, "model[1].gguf");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_a_killed_process_left_is_removed()
    {
        string abandoned = Touch($"model[1].gguf.{Guid.NewGuid():N}.partial");
        Write();
        Assert.False(File.Exists(abandoned));
        Assert.Equal([Target], Directory.GetFiles(_folder));
    }

    [Fact]
    public void What_another_writes_stays()
    {
        using (AtomicFile.Create(Target, 2, overwrite: false, Header))
        {
            string written = Assert.Single(Directory.GetFiles(_folder));
            Write();
            Assert.Equal([Target, written], Directory.GetFiles(_folder).Order());
        }
        Assert.Equal([Target], Directory.GetFiles(_folder));
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

    private void Write()
    {
        using AtomicFile file = AtomicFile.Create(Target, 2, overwrite: true, Header);
        file.Commit();
    }

    private string Touch(string name)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, [1]);
        return path;
    }

    private static void Header(Stream stream) => stream.Write([1, 2]);
}
