using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>What the child tells its parent while an operation runs. Any thread may call it, from native callbacks too: it never throws.</summary>
internal sealed class MessageReporter(MessageChannel channel)
{
    private const int MaximumLineLength = 4096;

    private static readonly long s_interval = Stopwatch.Frequency / 4;

    private long _lastHeartbeat;
    private long _lastLoading;

    /// <summary>Says that the engine is at work; most calls are dropped.</summary>
    internal void Heartbeat()
    {
        if (IsDue(ref _lastHeartbeat))
            Send(MessageKind.Heartbeat, []);
    }

    /// <summary>Says that the next call may take longer than silence is allowed to last, by this much.</summary>
    internal void LongCall(TimeSpan extra)
    {
        byte[] payload = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(payload, (long)extra.TotalMilliseconds);
        Send(MessageKind.LongCall, payload);
    }

    /// <summary>Says which file is being loaded. The beginning and the end are always sent.</summary>
    internal void Loading(string path, double share)
    {
        if (share is <= 0 or >= 1 || IsDue(ref _lastLoading))
            Send(MessageKind.Loading, JsonSerializer.SerializeToUtf8Bytes(new(path, share), HostJson.Default.ModelLoading));
    }

    /// <summary>Passes on a line of the engine's log.</summary>
    internal void Log(LlamaLogLevel level, string line)
    {
        string text = line.Length > MaximumLineLength ? line[..MaximumLineLength] : line;
        Send(MessageKind.Log, JsonSerializer.SerializeToUtf8Bytes(new(level, text), HostJson.Default.LogLine));
    }

    /// <summary>Sends a message; of a parent that is gone, the watching thread makes an end.</summary>
    internal void Send(MessageKind kind, byte[] payload)
    {
        try
        {
            channel.Send(kind, payload);
        }
        catch (Exception exception) when (exception is IOException or InferenceException or ObjectDisposedException)
        {
            // A lost report is the lesser evil: an exception would unwind through native frames.
        }
    }

    private static bool IsDue(ref long last)
    {
        long now = Stopwatch.GetTimestamp();
        long before = Volatile.Read(ref last);
        return now - before >= s_interval && Interlocked.CompareExchange(ref last, now, before) == before;
    }
}
