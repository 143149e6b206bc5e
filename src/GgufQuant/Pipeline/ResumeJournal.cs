using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;
using GgufQuant.Planning;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Pipeline;

/// <summary>Records next to an unfinished file which of its tensors are complete, with a hash of each.</summary>
/// <remarks>
/// A text file: the first line identifies the quantization by everything its bytes depend on, the next ones name the files
/// that are read, and each other line holds a tensor's index in the plan and the SHA-256 of its data. The journal of another
/// conversion is discarded, and the unfinished file with it. A file may be named by another path than before.
/// </remarks>
internal sealed class ResumeJournal : IDisposable
{
    private const int MaxPathBytes = 1 << 16;

    private readonly string _path;
    private readonly FileStream _stream;
    private readonly Lock _lock = new();

    private ResumeJournal(string path, FileStream stream, bool isContinued, IReadOnlyDictionary<int, string> finished)
    {
        _path = path;
        _stream = stream;
        IsContinued = isContinued;
        Finished = finished;
    }

    /// <summary>Whether it was of the same conversion, so that the unfinished file is this one's.</summary>
    internal bool IsContinued { get; }

    /// <summary>The hashes of the tensors that were complete when the earlier run ended, by index in the plan.</summary>
    internal IReadOnlyDictionary<int, string> Finished { get; }

    /// <summary>Opens the journal of a plan's conversion to some files, or begins it. No other process can open it meanwhile.</summary>
    /// <exception cref="IOException">Another process has it open, or what is there is not this conversion's to continue or discard.</exception>
    internal static ResumeJournal Open(QuantizationPlan plan, IReadOnlyList<string> destinations)
    {
        string path = PathOf(destinations[0]);
        CheckUnfinished(path, destinations);
        string conversion = Describe(plan);
        string[] inputs = [.. plan.InputPaths];
        FileStream stream = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        Dictionary<int, string> finished = [];
        bool isContinued;
        using (StreamReader reader = new(stream, leaveOpen: true))
        {
            isContinued = stream.Length <= MostBytes(plan, inputs.Length) && reader.ReadLine() == conversion && inputs.All(input => IsNamed(reader.ReadLine(), input));
            while (isContinued && reader.ReadLine() is { } line)
                Read(line, plan, finished);
        }

        ResumeJournal journal = new(path, stream, isContinued, finished);
        if (isContinued)
        {
            // Ends a line that was cut off.
            journal.Write("");
        }
        else
        {
            FileSystem.Native.SetLength(stream, 0);
            journal.Write(conversion);
            foreach (string input in inputs)
                journal.Write(Uri.EscapeDataString(input));
        }
        return journal;
    }

    /// <summary>Removes the journal of an abandoned run; false if it does not exist or is being written.</summary>
    internal static bool Remove(string destination) => AtomicFile.TryRemove(PathOf(destination));

    /// <summary>Records that a tensor is complete.</summary>
    internal void Add(int tensor, string hash) => Write(string.Create(CultureInfo.InvariantCulture, $"{tensor} {hash}"));

    /// <summary>Deletes the journal once the file is complete.</summary>
    internal void Delete()
    {
        _stream.Dispose();
        FileSystem.Native.TryDelete(_path);
    }

    public void Dispose() => _stream.Dispose();

    private static void CheckUnfinished(string journal, IReadOnlyList<string> destinations)
    {
        AtomicFile.CheckUnfinished(journal);
        foreach (string unfinished in destinations.Select(AtomicFile.UnfinishedPathOf))
        {
            AtomicFile.CheckUnfinished(unfinished);
            if (File.Exists(unfinished) && !File.Exists(journal))
                throw new IOException($"'{unfinished}' cannot be continued, because its journal '{journal}' is missing: remove the file, or write elsewhere.");
        }
    }

    // A tensor's line has less than a hundred bytes, and few tensors are written more than once.
    private static long MostBytes(QuantizationPlan plan, int inputs) => 4096 + (1024L * plan.Tensors.Count) + ((long)MaxPathBytes * inputs);

    private static bool IsNamed(string? line, string input) => line is not null && PathIdentity.AreSame(Uri.UnescapeDataString(line), input);

    private static string PathOf(string destination) => $"{AtomicFile.UnfinishedPathOf(destination)}.journal";

    // The last line of a tensor counts.
    private static void Read(string line, QuantizationPlan plan, Dictionary<int, string> finished)
    {
        string[] parts = line.Split(' ');
        if (parts.Length == 2 && int.TryParse(parts[0], CultureInfo.InvariantCulture, out int tensor) && tensor >= 0 && tensor < plan.Tensors.Count)
            finished[tensor] = parts[1];
    }

    // The headers cover every tensor's type and offset and all metadata; the input files are identified by length and time.
    private static string Describe(QuantizationPlan plan)
    {
        using SHA256 hash = SHA256.Create();
        using (CryptoStream stream = new(Stream.Null, hash, CryptoStreamMode.Write))
        {
            foreach (GgufWriter layout in plan.Layout.Files)
                layout.WriteHeader(stream);
            foreach (string path in plan.InputPaths)
            {
                // Of a link, the file that it leads to.
                using SafeFileHandle file = RegularFile.Open(path);
                stream.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{RandomAccess.GetLength(file)}|{File.GetLastWriteTimeUtc(file):O}\n")));
            }
            foreach (ImatrixEntry entry in plan.Tensors.Select(tensor => tensor.Importance).OfType<ImatrixEntry>())
                stream.Write(Encoding.UTF8.GetBytes($"{entry.Name}\n"));
        }
        // Another build may make other bytes.
        return $"GgufQuant {typeof(ResumeJournal).Module.ModuleVersionId:N} {Convert.ToHexString(hash.Hash!)}";
    }

    private void Write(string line)
    {
        lock (_lock)
        {
            _stream.Write(Encoding.UTF8.GetBytes($"{line}\n"));
            _stream.Flush();
        }
    }
}
