using System.Text;
using GgufQuant.HuggingFace;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

/// <summary>A model's folder that a test writes, gone after it.</summary>
internal sealed class TemporaryModel : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The names of the files, in order.</summary>
    public IEnumerable<string> Files => Directory.EnumerateFiles(FullName).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);

    public string FullName => _folder.Path;

    public string PathOf(string name) => _folder.File(name);

    public TemporaryModel Write(string name, string text)
    {
        File.WriteAllText(PathOf(name), text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        return this;
    }

    public TemporaryModel Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(name), bytes);
        return this;
    }

    /// <summary>Copies the files of a folder.</summary>
    public TemporaryModel Copy(string folder) => Copy(folder, _ => true);

    /// <summary>Copies some files of a folder.</summary>
    public TemporaryModel Copy(string folder, Func<string, bool> isWanted)
    {
        foreach (string file in Directory.EnumerateFiles(folder).Where(file => isWanted(Path.GetFileName(file))))
            File.Copy(file, PathOf(Path.GetFileName(file)), overwrite: true);
        return this;
    }

    public ModelFolder Open() => ModelFolder.Open(FullName);

    public void Dispose() => _folder.Dispose();
}
