namespace GgufQuant.Benchmarks;

/// <summary>The memory behind a RAM disk.</summary>
internal static class RamDisk
{
    private const int ChunkLength = 1 << 24;

    /// <summary>Writes half of the memory once, if a folder is on a RAM disk: a virtual machine gets its memory from the host on first use, which takes longer than a copy.</summary>
    /// <param name="folder">The folder.</param>
    public static void Touch(string folder)
    {
        DriveInfo drive = new(folder);
        if (drive.DriveFormat != "tmpfs")
            return;
        long length = Math.Min(drive.AvailableFreeSpace, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes) / 2;
        byte[] zeros = new byte[ChunkLength];
        using FileStream file = new(Path.Combine(folder, "zeros"), new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            BufferSize = 0,
            Options = FileOptions.DeleteOnClose,
        });
        for (long written = 0; written < length; written += ChunkLength)
            file.Write(zeros);
    }
}
