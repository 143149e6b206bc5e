namespace GgufQuant.TestKit;

/// <summary>An empty folder, deleted with what a test writes there.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const string Memory = "/dev/shm";

    public TemporaryFolder()
        : this(Directory.CreateTempSubdirectory("ggufquant-").FullName)
    {
    }

    private TemporaryFolder(string path) => Path = path;

    /// <summary>A folder in memory where the system has one, for thousands of small files.</summary>
    public static TemporaryFolder InMemory() => Directory.Exists(Memory)
        ? new(Directory.CreateDirectory(System.IO.Path.Combine(Memory, $"ggufquant-{Guid.NewGuid():N}")).FullName)
        : new();

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The paths of the files in it.</summary>
    public string[] Files => Directory.GetFiles(Path);

    /// <summary>The path of a file in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
