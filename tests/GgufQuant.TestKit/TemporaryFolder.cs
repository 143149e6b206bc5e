namespace GgufQuant.TestKit;

/// <summary>An empty folder, deleted with what a test writes there.</summary>
public sealed class TemporaryFolder : IDisposable
{
    /// <summary>The folder.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("ggufquant-").FullName;

    /// <summary>The paths of the files in it.</summary>
    public string[] Files => Directory.GetFiles(Path);

    /// <summary>The path of a file in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
