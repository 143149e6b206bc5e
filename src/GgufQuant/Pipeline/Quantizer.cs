using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>Writes planned files.</summary>
/// <remarks>
/// The plan fixes the offset of every byte, so a few threads each take the next chunk, read it, have it quantized and
/// write it where it belongs. There are more threads than jobs on the device: while it works, the others read and write.
/// Memory use does not depend on the model, and the bytes do not depend on the threads.
/// </remarks>
public sealed class Quantizer
{
    private const long SmallestBudget = 64L << 20;
    private readonly QuantizerOptions _options;

    /// <exception cref="ArgumentOutOfRangeException">The memory budget is below 64 MiB, or the number of threads is negative.</exception>
    public Quantizer(QuantizerOptions? options = null)
    {
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfNegative(_options.Threads, nameof(options));
        if (_options.MemoryBudget < SmallestBudget)
            throw new ArgumentOutOfRangeException(nameof(options), _options.MemoryBudget, $"A memory budget of {_options.MemoryBudget:N0} bytes is too small: at least {SmallestBudget:N0} are needed.");
    }

    /// <summary>Begins to have the runtime compile what files of some types are quantized with, on another thread, and returns at once.</summary>
    /// <remarks>
    /// Code is compiled, and tables are built, when they are first used: up to a quarter of a second of a process's first
    /// conversion. If this is called as soon as the types are known, it happens while the model is opened and planned. What was
    /// begun before is not begun again, and a single core is left alone. The bytes of files do not depend on it.
    /// </remarks>
    /// <param name="types">The types of the files to come; those that llama.cpp writes no files of are ignored.</param>
    /// <param name="hasImatrix">Whether an importance matrix will be given.</param>
    /// <returns>Ends when what this call has begun is done; nobody needs to wait for it.</returns>
    public static Task Prepare(ReadOnlySpan<FileType> types, bool hasImatrix = false) => KernelPreparation.Begin(types, hasImatrix);

    /// <summary>Whether tensors of a file can be reused: whether there is a record of what they were made from.</summary>
    public static bool HasReuseRecord(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return File.Exists(ReuseRecord.PathOf(file.Path));
    }

    /// <summary>Writes a plan's file. It appears under its name only once it is complete.</summary>
    /// <remarks>Of a folder that was opened tolerantly and has no whole vocabulary, nothing is written: the fault is thrown as it is.</remarks>
    /// <param name="plan">The plan; its source must be open.</param>
    /// <param name="destination">The file to write; shards get its name with their numbers, see <see cref="QuantizationPlan.PathsAt"/>.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <param name="progress">Receives progress about ten times per second, from any thread.</param>
    /// <param name="token">Cancels the work within a second; nothing is left behind except what can be resumed.</param>
    /// <exception cref="QuantizationException">A weight is not finite, a type cannot represent it, or the device cannot quantize to a type.</exception>
    /// <exception cref="IOException">The file exists already or cannot be written, the disk has no room, or the source has changed meanwhile.</exception>
    /// <exception cref="GgufFormatException">The source has shrunk, or was opened tolerantly and has faulty tensors.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public QuantizationResult Run(
        QuantizationPlan plan, string destination, bool overwrite = false,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default) =>
        RunAll([new(plan, destination)], overwrite, progress, token)[0].Result;

    /// <summary>Writes several plans' files in one pass over their source, as far as they fit the memory and the disk together.</summary>
    /// <remarks>
    /// The bytes are those of separate runs. What several files hold the same of is made once. A file that fails does not keep
    /// the others from being written. All files of a pass appear under their names at its end.
    /// </remarks>
    /// <param name="outputs">The plans, of one source, which must be open, and where they are written.</param>
    /// <param name="overwrite">Whether files of these names may be replaced.</param>
    /// <param name="progress">Receives progress of all together about ten times per second, from any thread.</param>
    /// <param name="token">Cancels the work within a second; nothing is left behind except finished files, and what can be resumed.</param>
    /// <returns>What became of each, in the order given.</returns>
    /// <exception cref="ArgumentException">The plans have several sources, or two files the same name.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public IReadOnlyList<QuantizationOutcome> RunAll(
        IReadOnlyList<QuantizationOutput> outputs, bool overwrite = false, IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        if (outputs.Any(output => output.Plan.Source != outputs[0].Plan.Source))
            throw new ArgumentException("The plans are of several sources.", nameof(outputs));
        if (outputs.DistinctBy(output => output.Destination).Count() < outputs.Count)
            throw new ArgumentException("Two plans have the same destination.", nameof(outputs));
        if (outputs.Select(output => output.Plan.Source.Gap).FirstOrDefault(gap => gap is not null) is { } gap)
            throw gap;

        if (_options.Device is null or CpuDevice)
            _ = KernelPreparation.Begin(outputs);
        using CpuDevice? own = _options.Device is null ? new CpuDevice(_options.Threads) : null;
        WeightProgress weights = new(progress, outputs.Sum(output => output.Plan.Weights));
        QuantizationOutcome[] outcomes = new QuantizationOutcome[outputs.Count];
        // The earlier file can be read until it is replaced.
        int[] order = [.. Enumerable.Range(0, outputs.Count).OrderBy(index => _options.ReplacesReused(PathsOf(outputs[index])))];
        for (int first = 0; first < order.Length;)
        {
            int[] together = order[first..(first + CountTogether([.. order[first..].Select(index => outputs[index])]))];
            RunPass(together);
            // A disk that does not say what room it has, or that other programs fill, may have it for one after the other.
            foreach (int index in together.Where(index => together.Length > 1 && outcomes[index].Exception is IOException exception && DiskFullException.IsCauseOf(exception)))
            {
                weights.Skip(-outputs[index].Plan.Weights);
                RunPass([index]);
            }
            first += together.Length;
        }
        return outcomes;

        void RunPass(int[] indices)
        {
            QuantizationPass pass = new(_options, _options.Device ?? own!, overwrite, weights, token);
            foreach ((int index, QuantizationOutcome outcome) in indices.Zip(pass.Run(indices.Select(index => outputs[index]))))
                outcomes[index] = outcome;
        }
    }

    private static IReadOnlyList<string> PathsOf(QuantizationOutput output) => output.Plan.PathsAt(output.Destination);

    // As many as memory and disk have room for together; the first goes in any case, and says itself what it lacks.
    private int CountTogether(IReadOnlyList<QuantizationOutput> waiting)
    {
        List<PlannedTensor> tensors = [];
        Dictionary<string, long> bytes = [];
        int count = 0;
        foreach (QuantizationOutput output in waiting)
        {
            tensors.AddRange(output.Plan.Tensors);
            string folder = Path.GetDirectoryName(PathsOf(output)[0]) ?? "";
            bytes[folder] = bytes.GetValueOrDefault(folder) + OutputFiles.CountMissingBytes(output, _options);
            if (count > 0 && !(ChunkSize.Fits(tensors, _options.BufferBudget) && DiskSpace.HasRoom(folder, bytes[folder], _options.EffectiveFileSystem)))
                break;
            count++;
        }
        return count;
    }
}
