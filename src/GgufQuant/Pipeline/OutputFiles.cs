using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>The files of one plan while they are written: what is in them already, and what has failed.</summary>
/// <remarks>
/// A failure concerns this plan alone. Of several, the one in the first chunk counts, so that what is reported does not depend
/// on the threads.
/// </remarks>
internal sealed class OutputFiles : IDisposable
{
    private readonly QuantizationOutput _output;
    private readonly QuantizerOptions _options;
    private readonly List<AtomicFile> _files = [];
    private readonly long[] _weightsLeft;
    private readonly Lock _lock = new();
    private ResumeJournal? _journal;
    private HashSet<int> _finished = [];
    private ExceptionDispatchInfo? _failure;
    private long _failedChunk = long.MaxValue;

    /// <param name="output">The plan and its destination.</param>
    /// <param name="options">How the work is done.</param>
    internal OutputFiles(QuantizationOutput output, QuantizerOptions options)
    {
        _output = output;
        _options = options;
        Paths = Plan.PathsAt(output.Destination);
        _weightsLeft = [.. Plan.Tensors.Select(tensor => tensor.Source.ElementCount)];
    }

    /// <summary>The plan.</summary>
    internal QuantizationPlan Plan => _output.Plan;

    /// <summary>The full paths of the files.</summary>
    internal IReadOnlyList<string> Paths { get; }

    /// <summary>Whether they replace the earlier file that tensors are taken from.</summary>
    internal bool ReplacesReused => _options.ReplacesReused(Paths);

    /// <summary>The tensors to take from an earlier file, by index in the plan.</summary>
    internal IReadOnlyDictionary<int, GgufTensor> Reused { get; set; } = new Dictionary<int, GgufTensor>();

    /// <summary>The hash of all that the bytes of each tensor depend on, for the record; null where there is none.</summary>
    internal string?[] Origins { get; set; } = [];

    /// <summary>The number of tensors that were not made.</summary>
    internal int KeptTensors => Reused.Keys.Union(_finished).Count();

    /// <summary>The tensors that are not in the files yet.</summary>
    internal IEnumerable<TensorSlot> Unfinished =>
        from index in Enumerable.Range(0, Plan.Tensors.Count)
        where !_finished.Contains(index)
        select new TensorSlot(this, index);

    /// <summary>Weights of the tensors that are in the files already.</summary>
    internal long FinishedWeights => _finished.Sum(index => Plan.Tensors[index].Source.ElementCount);

    /// <summary>Why the files cannot be written; null as long as they can.</summary>
    internal ExceptionDispatchInfo? Failure => Volatile.Read(ref _failure);

    /// <summary>Creates the files, or continues those that an interrupted run left.</summary>
    /// <param name="overwrite">Whether files of these names may be replaced.</param>
    /// <param name="token">Cancels it.</param>
    internal void Open(bool overwrite, CancellationToken token)
    {
        _journal = _options.Resume ? ResumeJournal.Open(Plan, Paths) : null;
        DiskSpace.Check(Paths[0], CountMissingBytes(_output, _options), _options.EffectiveFileSystem);
        AtomicFile.Continuation? continuation = _journal is null ? null
            : _journal.IsContinued ? AtomicFile.Continuation.FromUnfinished
            : AtomicFile.Continuation.FromNothing;
        foreach ((string path, GgufWriter layout) in Paths.Zip(Plan.Layout.Files))
        {
            AtomicFile file = AtomicFile.Create(path, layout.Length, overwrite, layout.WriteHeader, continuation, isOpenHere: ReplacesReused, Plan.Shards.IsChosen, _options.EffectiveFileSystem);
            _files.Add(file);
            if (continuation == AtomicFile.Continuation.FromUnfinished)
                WritePadding(file, layout);
        }
        if (_journal is not null)
            _finished = [.. _journal.Finished.Where(tensor => HashOf(tensor.Key, token) == tensor.Value).Select(tensor => tensor.Key)];
    }

    /// <summary>Bytes that the disk must have room for: all, or where a run is continued, those it had not written.</summary>
    // Shards share the disk.
    internal static long CountMissingBytes(QuantizationOutput output, QuantizerOptions options) =>
        output.Plan.PathsAt(output.Destination).Zip(output.Plan.Layout.Files, (path, layout) => options.Resume
            ? Math.Max(0, layout.Length - options.EffectiveFileSystem.CountAllocatedBytes(AtomicFile.UnfinishedPathOf(path)))
            : layout.Length).Sum();

    /// <summary>Whether a chunk still matters to these files.</summary>
    internal bool Wants(long chunk) => chunk < Interlocked.Read(ref _failedChunk);

    /// <summary>Does what some outputs need, if there are any; where it fails, so do they.</summary>
    /// <param name="outputs">The outputs.</param>
    /// <param name="work">The work.</param>
    /// <param name="token">Cancels it.</param>
    /// <param name="chunk">The number of the chunk that it is for, if it is for one.</param>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    internal static void Try(IReadOnlyCollection<OutputFiles> outputs, Action work, CancellationToken token, long chunk = long.MaxValue)
    {
        if (outputs.Count == 0)
            return;
        try
        {
            work();
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !token.IsCancellationRequested)
        {
            foreach (OutputFiles output in outputs)
                output.Fail(chunk, exception);
        }
    }

    /// <summary>Writes part of a tensor.</summary>
    /// <param name="index">The tensor's index in the plan.</param>
    /// <param name="offset">Where in the tensor, in bytes.</param>
    /// <param name="blocks">The bytes.</param>
    /// <param name="weights">The number of weights they hold.</param>
    /// <returns>Whether the tensor is complete now, and to be recorded.</returns>
    internal bool Write(int index, long offset, ReadOnlySpan<byte> blocks, long weights)
    {
        (int file, GgufTensor slot) = Plan.Layout.Slots[index];
        _files[file].Write(slot.FileOffset + offset, blocks);
        return Interlocked.Add(ref _weightsLeft[index], -weights) == 0 && _journal is not null;
    }

    /// <summary>Records that a tensor is complete, so that a run that continues this one need not make it.</summary>
    internal void Record(int index, CancellationToken token) => _journal!.Add(index, HashOf(index, token));

    /// <summary>What the files are once they are written.</summary>
    internal WrittenFile Describe(TimeSpan duration) => Plan.Describe(_output.Destination, duration);

    /// <summary>Gives the files their names.</summary>
    internal void Commit(CancellationToken token)
    {
        Plan.Shards.Commit(_files, token);
        if (_journal is not null)
            _journal.Delete();
        // Of chosen shards, another machine may be resuming the same.
        else if (!Plan.Shards.IsChosen)
            RemoveUnfinished();
    }

    public void Dispose()
    {
        _files.ForEach(file => file.Dispose());
        _journal?.Dispose();
    }

    private void Fail(long chunk, Exception exception)
    {
        lock (_lock)
        {
            if (_failure is not null && chunk >= _failedChunk)
                return;
            Interlocked.Exchange(ref _failedChunk, chunk);
            Volatile.Write(ref _failure, ExceptionDispatchInfo.Capture(exception));
        }
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
    private void RemoveUnfinished()
    {
        if (!ResumeJournal.Remove(Paths[0]))
            return;
        foreach (string path in Paths)
            AtomicFile.TryRemove(AtomicFile.UnfinishedPathOf(path));
    }

    private string HashOf(int index, CancellationToken token)
    {
        (int file, GgufTensor slot) = Plan.Layout.Slots[index];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[(int)Math.Min(1 << 20, slot.ByteCount)];
        for (long done = 0; done < slot.ByteCount;)
        {
            token.ThrowIfCancellationRequested();
            int count = _files[file].Read(slot.FileOffset + done, bytes.AsSpan(0, (int)Math.Min(bytes.Length, slot.ByteCount - done)));
            if (count == 0)
                break;
            hash.AppendData(bytes, 0, count);
            done += count;
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
