using System.Text;

namespace GgufQuant.IO;

/// <summary>A text file that appears under its name only once it is complete.</summary>
public static class TextFile
{
    /// <summary>Writes it in UTF-8.</summary>
    /// <exception cref="IOException">The file exists and is not to be overwritten, or the disk has no room.</exception>
    public static void Write(string path, string text, bool overwrite)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        using AtomicFile file = AtomicFile.Create(Path.GetFullPath(path), bytes.Length, overwrite, stream => stream.Write(bytes));
        file.Commit();
    }
}
