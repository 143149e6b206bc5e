namespace GgufQuant.HuggingFace;

/// <summary>The small text file that replaces a large file until Git LFS has fetched it.</summary>
internal static class LfsPointer
{
    /// <summary>Bytes at the start of a file that identify a pointer.</summary>
    internal const int Bytes = 42;

    /// <exception cref="ModelFolderException">A file's first bytes are those of a pointer.</exception>
    internal static void ThrowIfPointer(string path, ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs.github.com/spec/v1"u8))
            throw new ModelFolderException(path, "the file is only a Git LFS pointer: run 'git lfs pull', or download the file itself");
    }
}
