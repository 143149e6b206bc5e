using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>Reports from the child to its parent while an operation runs. Thread-safe, also called from native callbacks: it never throws.</summary>
internal sealed class MessageReporter(MessageChannel channel)
{
    private const int MaximumLineLength = 4096;

    private static readonly long s_interval = Stopwatch.Frequency / 4;

    private long _lastHeartbeat;
    private long _lastLoading;

    /// <summary>Reports that the engine is working; most calls are dropped.</summary>
    internal void Heartbeat()
    {
        if (IsDue(ref _lastHeartbeat))
            Send(MessageKind.Heartbeat, []);
    }

    /// <summary>Reports that the next call may exceed the silence limit by this much.</summary>
    internal void LongCall(TimeSpan extra)
    {
        byte[] payload = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(payload, (long)extra.TotalMilliseconds);
        Send(MessageKind.LongCall, payload);
    }

    /// <summary>Reports which file is being loaded. The start and the end are always sent.</summary>
    internal void Loading(string path, double share)
    {
        if (share is <= 0 or >= 1 || IsDue(ref _lastLoading))
            Send(MessageKind.Loading, JsonSerializer.SerializeToUtf8Bytes(new(path, share), HostJson.Default.ModelLoading));
    }

    /// <summary>Forwards a line of the engine's log.</summary>
    internal void Log(LlamaLogLevel level, string line)
    {
        string text = line.Length > MaximumLineLength ? line[..MaximumLineLength] : line;
        Send(MessageKind.Log, JsonSerializer.SerializeToUtf8Bytes(new(level, text), HostJson.Default.LogLine));
    }

    /// <summary>Sends a message. If the parent is gone, the watching thread ends the process.</summary>
    internal void Send(MessageKind kind, byte[] payload)
    {
        try
        {
            channel.Send(kind, payload);
        }
        catch (Exception exception) when (exception is IOException or InferenceException or ObjectDisposedException)
        {
            // Losing a report is the lesser evil: an exception would unwind through native frames.
        }
    }

    private static bool IsDue(ref long last)
    {
        long now = Stopwatch.GetTimestamp();
        long before = Volatile.Read(ref last);
        return now - before >= s_interval && Interlocked.CompareExchange(ref last, now, before) == before;
    }
}
