using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Checks;

/// <summary>Whether a file is whole and sound.</summary>
public static class GgufCheck
{
    /// <summary>Checks structure, metadata, the tensors a model needs, and every block of data.</summary>
    /// <param name="path">The file, or any shard of a split model.</param>
    /// <param name="threads">Threads at most; 0 for one per core.</param>
    /// <param name="progress">Receives progress while data is read.</param>
    /// <param name="token">Stops the check.</param>
    /// <returns>What was found; the file is sound if nothing is an <see cref="FindingSeverity.Error"/>.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The check was stopped.</exception>
    public static IReadOnlyList<GgufFinding> Run(
        string path, int threads = 0, IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        List<GgufFinding> findings = [];
        try
        {
            using GgufFile file = GgufFile.Open(path, token);
            findings.AddRange(ShardCheck.Run(file));
            findings.AddRange(ArchitectureCheck.Run(file));
            findings.AddRange(FileTypeCheck.Run(file));
            findings.AddRange(DataCheck.Run(file, threads, progress, token));
            file.ThrowIfChanged();
        }
        catch (GgufFormatException exception)
        {
            findings.Add(new GgufFinding(FindingSeverity.Error, exception.Field, exception.Message));
        }
        catch (FileNotFoundException exception) when (File.Exists(path))
        {
            // The file itself is there, so it is another shard that is not.
            findings.Add(new GgufFinding(FindingSeverity.Error, exception.FileName ?? path, exception.Message));
        }
        return findings;
    }
}
