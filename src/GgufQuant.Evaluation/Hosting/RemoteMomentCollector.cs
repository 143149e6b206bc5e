using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>Collects calibrations in the engine process: finds a model's inputs, and collects their moments pass by pass.</summary>
/// <param name="engine">The engine.</param>
/// <param name="model">The model.</param>
/// <param name="corpusPath">The text's file.</param>
/// <param name="options">How to collect.</param>
public sealed class RemoteMomentCollector(RemoteEngine engine, GgufFile model, string corpusPath, ImatrixOptions options)
{
    /// <summary>Finds the inputs of the model's weights.</summary>
    /// <param name="progress">Receives the progress of loading the model.</param>
    /// <param name="cancellationToken">Ends the engine's process.</param>
    /// <exception cref="EngineStoppedException">The engine's process ended or fell silent.</exception>
    /// <exception cref="CorpusTooShortException">The text has fewer tokens than two chunks.</exception>
    /// <exception cref="ModelLoadException">The model cannot be loaded.</exception>
    public DiscoveredInputs Discover(IProgress<WorkProgress>? progress, CancellationToken cancellationToken) =>
        engine.Run(DiscoverInputs.Operation, Request([], null, null), model.Path, progress, cancellationToken);

    /// <summary>Collects moments and writes the calibration.</summary>
    /// <param name="discovered">The model's inputs and the text.</param>
    /// <param name="passes">The passes to collect them in.</param>
    /// <param name="destination">The file to write; data from the engine process goes through a temporary file beside it.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <param name="progress">Receives progress over all passes.</param>
    /// <param name="cancellationToken">Ends the engine's process.</param>
    /// <returns>The model's perplexity over the text.</returns>
    /// <exception cref="EngineStoppedException">The engine's process ended or fell silent.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public PerplexityResult Collect(
        DiscoveredInputs discovered, CalibrationPasses passes, string destination, bool overwrite,
        IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        DirectoryInfo folder = Directory.CreateDirectory($"{Path.GetFullPath(destination)}.{Guid.NewGuid():N}.passes");
        CalibrationWriter? writer = null;
        try
        {
            string moments = Path.Combine(folder.FullName, "moments");
            string matrix = Path.Combine(folder.FullName, "matrix");
            string textHash = CorpusFingerprint.Of(corpusPath, options, cancellationToken);
            PerplexityResult? perplexity = null;
            for (int pass = 0; pass < passes.Passes.Count; pass++)
            {
                IReadOnlyList<CalibratedInput> inputs = passes.Passes[pass];
                MomentsRequest request = Request(inputs, moments, writer is null ? matrix : null);
                PassProgress? share = progress is null ? null : new(progress, pass, passes.Passes.Count);
                perplexity = engine.Run(CollectMoments.Operation, request, model.Path, share, cancellationToken);
                writer ??= new CalibrationWriter(destination, HeaderOf(textHash, discovered, passes, ImatrixSumsFile.Read(matrix)), overwrite);
                Write(writer, inputs, moments, cancellationToken);
            }
            writer?.Commit();
            return perplexity ?? throw new CalibrationException($"'{model.Path}' has no weights whose inputs have moments.");
        }
        finally
        {
            writer?.Dispose();
            folder.Delete(recursive: true);
        }
    }

    private MomentsRequest Request(IReadOnlyList<CalibratedInput> inputs, string? moments, string? matrix) =>
        new(model.Path, corpusPath, options, inputs, moments, matrix);

    private CalibrationHeader HeaderOf(string textHash, DiscoveredInputs discovered, CalibrationPasses passes, ImatrixData matrix) => new(
        CalibrationWriter.HashOf(model),
        textHash,
        [corpusPath],
        discovered.Chunks,
        discovered.ChunkSize,
        passes.Inputs,
        [
            .. matrix.Entries.Select(entry => new CalibratedSums(
                entry.Key,
                Array.ConvertAll(entry.Value.Squares, square => (float)square),
                Array.ConvertAll(entry.Value.Counts, count => (float)count))),
        ],
        discovered.ProbeTokens);

    private static void Write(CalibrationWriter writer, IReadOnlyList<CalibratedInput> inputs, string path, CancellationToken token)
    {
        using BinaryReader reader = new(File.OpenRead(path));
        try
        {
            foreach (CalibratedInput input in inputs)
            {
                long[] tokens = [.. Enumerable.Range(0, input.Matrices).Select(_ => reader.ReadInt64())];
                writer.WriteMoments(tokens, reader.BaseStream, token);
            }
        }
        catch (EndOfStreamException exception)
        {
            throw new InvalidDataException("The moments from the engine process are truncated.", exception);
        }
    }

    /// <summary>The progress of one pass as a share of all.</summary>
    private sealed class PassProgress(IProgress<WorkProgress> progress, int pass, int passes) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value)
        {
            string status = passes == 1 ? value.Status : $"Pass {pass + 1} of {passes}, {value.Status}";
            progress.Report(new(status, (pass + value.Share) / passes, value.Remaining));
        }
    }
}
