namespace GgufQuant.Cmdlets.Tests;

/// <summary>A folder of its own for a test, gone with it.</summary>
internal sealed class TestFolder : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("GgufQuant.Tests.").FullName;

    internal string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>A copy of the sample model under another name.</summary>
    internal string CopySample(string name)
    {
        string copy = File(name);
        System.IO.File.Copy(RepositoryPaths.SampleModel, copy);
        return copy;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
