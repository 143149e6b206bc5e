namespace GgufQuant.Tests.Planning;

/// <summary>The test models as files, each written once for all the tests that share this.</summary>
public sealed class TestModels : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _paths = [];
    private readonly Lock _lock = new();

    /// <summary>The folder they are in; a test may write there too.</summary>
    public string Folder => _folder.Path;

    /// <summary>A model's file; <c>sample</c> is the repository's own.</summary>
    public string PathOf(string name)
    {
        if (name == "sample")
            return Sample.Model;
        lock (_lock)
        {
            if (!_paths.TryGetValue(name, out string? path))
            {
                path = _folder.File($"{name}.gguf");
                TestModel.Make(name).Write(path);
                _paths.Add(name, path);
            }
            return path;
        }
    }

    public void Dispose() => _folder.Dispose();
}
