using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Checks;

/// <summary>Checks whether the loader that a file is for accepts it, and whether its weights are finite.</summary>
public static class GgufCheck
{
    /// <summary>Checks structure, metadata, the tensors that the loader needs, and every block of data.</summary>
    /// <param name="path">The file, or any shard of a split model.</param>
    /// <param name="threads">Maximum number of threads; 0 for one per core.</param>
    /// <param name="progress">Receives progress while data is read.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <returns>The findings; the file is valid if none is an <see cref="FindingSeverity.Error"/>.</returns>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public static IReadOnlyList<GgufFinding> Run(
        string path, int threads = 0, IProgress<WorkProgress>? progress = null, CancellationToken token = default) =>
        Run(path, token, file => DataCheck.Run(file, threads, progress, token));

    /// <summary>Checks the same except for the data, of which only the length is checked.</summary>
    /// <inheritdoc cref="Run(string, int, IProgress{WorkProgress}?, CancellationToken)"/>
    public static IReadOnlyList<GgufFinding> RunOnHeaders(string path, CancellationToken token = default) => Run(path, token, _ => []);

    private static List<GgufFinding> Run(string path, CancellationToken token, Func<GgufFile, IEnumerable<GgufFinding>> checkData)
    {
        List<GgufFinding> findings = [];
        try
        {
            using GgufFile file = GgufFile.Open(path, token);
            findings.AddRange(ShardCheck.Run(file));
            findings.AddRange(ModelCheck.Run(file, file.Metadata));
            findings.AddRange(FileTypeCheck.Run(file));
            findings.AddRange(checkData(file));
            file.ThrowIfChanged();
        }
        catch (GgufFormatException exception) when (exception.Field == GgufHeaderReader.MagicField)
        {
            findings.AddRange(ImatrixCheck.RunLegacy(path, exception, token));
        }
        catch (GgufFormatException exception)
        {
            findings.Add(new GgufFinding(FindingSeverity.Error, exception.Field, exception.Message));
        }
        catch (MissingShardsException exception)
        {
            findings.AddRange(exception.Findings.Select(shard => new GgufFinding(FindingSeverity.Error, shard.Path, shard.Message)));
        }
        return findings;
    }

    /// <summary>The errors that a change of a file's metadata would cause.</summary>
    /// <param name="file">The unchanged file.</param>
    /// <param name="set">Entries to add or replace.</param>
    /// <param name="remove">Keys to remove.</param>
    /// <returns>The errors that the unchanged file does not have.</returns>
    /// <exception cref="ArgumentException">The change cannot be made.</exception>
    public static IReadOnlyList<GgufFinding> FindBroken(GgufFile file, IEnumerable<GgufEntry> set, IEnumerable<string> remove)
    {
        ArgumentNullException.ThrowIfNull(file);
        GgufMetadata changed = new(GgufMetadataEditor.Change(file.Metadata, [.. set], [.. remove]));
        return [.. ErrorsOf(file, changed).Except(ErrorsOf(file, file.Metadata))];
    }

    /// <summary>The reason for which running a file could crash the module's engine, or for which it cannot be run; null if none is known.</summary>
    internal static GgufFinding? FindFatal(string path, CancellationToken token)
    {
        try
        {
            using GgufFile file = GgufFile.Open(path, token);
            if (ModelKinds.Of(file.Metadata) != ModelKind.Model)
                return null;
            return DraftHead.Is(file)
                ? new(FindingSeverity.Error, GgufKeys.Architecture, "The file only drafts tokens for another model, so it does not run alone.")
                : ModelCheck.Run(file, file.Metadata).FirstOrDefault(finding => finding.EndsProgramIn.HasFlag(LlamaBuilds.Engine)) ?? EngineCheck.FindFatal(file.Metadata);
        }
        catch (Exception exception) when (exception is GgufFormatException or IOException or UnauthorizedAccessException)
        {
            // The engine gives a better message for such a file.
            return null;
        }
    }

    private static IEnumerable<GgufFinding> ErrorsOf(GgufFile file, GgufMetadata metadata) =>
        ModelCheck.Run(file, metadata).Where(finding => finding.Severity == FindingSeverity.Error);
}
