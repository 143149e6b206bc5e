using System.Diagnostics;
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
    private readonly IFileSystem _files;

    /// <exception cref="ArgumentOutOfRangeException">The memory budget is below 64 MiB, or the number of threads is negative.</exception>
    public Quantizer(QuantizerOptions? options = null)
    {
        _options = options ?? new();
        _files = _options.FileSystem ?? FileSystem.Native;
        ArgumentOutOfRangeException.ThrowIfNegative(_options.Threads, nameof(options));
        if (_options.MemoryBudget < SmallestBudget)
            throw new ArgumentOutOfRangeException(nameof(options), _options.MemoryBudget, $"A memory budget of {_options.MemoryBudget:N0} bytes is too small: at least {SmallestBudget:N0} are needed.");
    }

    /// <summary>Whether tensors of a file can be reused: whether there is a record of what they were made from.</summary>
    public static bool HasReuseRecord(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return File.Exists(ReuseRecord.PathOf(file.Path));
    }

    /// <summary>Writes a plan's file. It appears under its name only once it is complete.</summary>
    /// <param name="plan">The plan; its source must be open.</param>
    /// <param name="destination">The file to write; shards get its name with their numbers, see <see cref="QuantizationPlan.PathsAt"/>.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <param name="progress">Receives progress about ten times per second, from any thread.</param>
    /// <param name="token">Cancels the work within a second; nothing is left behind except what can be resumed.</param>
    /// <exception cref="QuantizationException">A weight is not finite, a type cannot represent it, or the device cannot quantize to a type.</exception>
    /// <exception cref="IOException">The file exists already or cannot be written, the disk has no room, or the source has changed meanwhile.</exception>
    /// <exception cref="GgufFormatException">The source has shrunk.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public QuantizationResult Run(
        QuantizationPlan plan, string destination, bool overwrite = false,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        IReadOnlyList<string> paths = plan.PathsAt(destination);
        foreach (string path in paths)
            CheckIsNotSource(_files, plan.Source, path);

        using CpuDevice? own = _options.Device is null ? new CpuDevice(_options.Threads) : null;
        IQuantizationDevice device = _options.Device ?? own!;
        CheckCanMake(plan, device);

        long start = Stopwatch.GetTimestamp();
        string?[] origins = _options.Reuse is not null || _options.KeepReuseRecord ? ReuseRecord.HashOrigins(plan, device.Parallelism, token) : [];
        IReadOnlyDictionary<int, GgufTensor> reused = _options.Reuse is { } earlier
            ? ReusableTensors.Find(plan, origins, earlier, device.Parallelism, token)
            : new Dictionary<int, GgufTensor>();
        // Windows does not let an open file be replaced.
        bool replacesReused = _options.Reuse is { } reuse && paths.Any(path => reuse.SourcePaths.Any(reusedPath => PathIdentity.AreSame(_files, reusedPath, path)));
        IReadOnlySet<int> resumed;
        WorkTimes times;
        List<AtomicFile> files = [];
        using ResumeJournal? journal = _options.Resume ? ResumeJournal.Open(plan, paths) : null;
        try
        {
            // Shards share the disk, and what an interrupted run left has its space already: all of it or only what was written.
            DiskSpace.Check(paths[0], paths.Zip(plan.Layout.Files, (path, layout) => journal is null ? layout.Length : LengthWithoutSpace(path, layout.Length)).Sum(), _files);
            AtomicFile.Continuation? continuation = journal is null ? null
                : journal.IsContinued ? AtomicFile.Continuation.FromUnfinished
                : AtomicFile.Continuation.FromNothing;
            foreach ((string path, GgufWriter layout) in paths.Zip(plan.Layout.Files))
            {
                AtomicFile file = AtomicFile.Create(path, layout.Length, overwrite, layout.WriteHeader, continuation, isOpenHere: replacesReused, plan.Shards.IsChosen, _files);
                files.Add(file);
                if (continuation == AtomicFile.Continuation.FromUnfinished)
                    WritePadding(file, layout);
            }
            QuantizationPipeline conversion = new(plan, device, files, _options.MemoryBudget / 2, progress, token) { Reuse = _options.Reuse, Reused = reused, Journal = journal };
            resumed = conversion.Run();
            times = conversion.Times;
            plan.Source.ThrowIfChanged();
            if (replacesReused)
                _options.Reuse!.Dispose();
            plan.Shards.Commit(files, token);
            journal?.Delete();
            // Of chosen shards, another machine may be resuming the same.
            if (journal is null && !plan.Shards.IsChosen)
                RemoveUnfinished(paths);
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }

        if (_options.KeepReuseRecord)
            WriteRecord(plan, origins, paths[0], token);
        return new QuantizationResult(plan.Describe(destination, Stopwatch.GetElapsedTime(start)))
        {
            Device = device.Name,
            TensorsReused = reused.Keys.Union(resumed).Count(),
            Times = times,
        };
    }

    // The data of every tensor is verified or written again, and what lies between them is not data.
    private static void WritePadding(AtomicFile file, GgufWriter layout)
    {
        byte[] zeros = new byte[1 << 16];
        foreach (GgufTensor tensor in layout.Tensors)
        {
            int padding = layout.PaddingAfter(tensor);
            for (int done = 0; done < padding; done += zeros.Length)
                file.Write(tensor.FileOffset + tensor.ByteCount + done, zeros.AsSpan(0, Math.Min(zeros.Length, padding - done)));
        }
    }

    // What was kept for resuming is no longer needed once the file is complete.
    private static void RemoveUnfinished(IReadOnlyList<string> paths)
    {
        if (!ResumeJournal.Remove(paths[0]))
            return;
        foreach (string path in paths)
            AtomicFile.TryRemove(AtomicFile.UnfinishedPathOf(path));
    }

    private static void WriteRecord(QuantizationPlan plan, string?[] origins, string path, CancellationToken token)
    {
        using GgufFile file = GgufFile.Open(path);
        ReuseRecord.Write(path, from tensor in plan.Tensors.Zip(origins)
                                where tensor.Second is not null
                                let data = ReuseRecord.HashData(file, file.FindTensor(tensor.First.Name)!, token)
                                select (tensor.Second, data, tensor.First.Name));
    }

    private long LengthWithoutSpace(string path, long length) => Math.Max(0, length - _files.CountAllocatedBytes(AtomicFile.UnfinishedPathOf(path)));

    private static void CheckIsNotSource(IFileSystem files, GgufFile source, string destination)
    {
        if (source.SourcePaths.Any(path => PathIdentity.AreSame(files, path, destination)))
            throw new IOException($"'{destination}' is the source model: choose another name for the result.");
    }

    private static void CheckCanMake(QuantizationPlan plan, IQuantizationDevice device)
    {
        foreach (PlannedTensor tensor in plan.Tensors)
        {
            if (!tensor.IsCopied && !device.CanQuantize(tensor.Source.Type, tensor.Target))
                throw new QuantizationException($"Tensor '{tensor.Name}' cannot be quantized from {tensor.Source.Format} to {tensor.Format}: {device.Name} does not support this conversion.");
        }
    }
}
