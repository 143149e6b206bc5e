using System.Text;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>Reads a process's output, so that the process never blocks on it, and keeps the end.</summary>
internal sealed class OutputTail
{
    private const int Capacity = 64 * 1024;

    private readonly byte[] _ring = new byte[Capacity];
    private readonly Lock _lock = new();
    private readonly Task _reading;
    private long _length;

    internal OutputTail(Stream stream) => _reading = Task.Run(() => ReadAsync(stream));

    /// <summary>The last line that is not blank, without control characters; null if there is none.</summary>
    /// <param name="patience">How long to wait for the rest of an ended process's output.</param>
    internal string? LastLine(TimeSpan patience)
    {
        _reading.Wait(patience);
        return Text().Split('\n').Select(Printable).LastOrDefault(line => line.Length > 0);
    }

    /// <summary>The kept output.</summary>
    internal string Text()
    {
        lock (_lock)
        {
            int start = (int)(_length % Capacity);
            return _length <= Capacity
                ? Encoding.UTF8.GetString(_ring, 0, (int)_length)
                : Encoding.UTF8.GetString([.. _ring[start..], .. _ring[..start]]);
        }
    }

    private static string Printable(string line) => string.Concat(line.Where(character => !char.IsControl(character))).Trim();

    private async Task ReadAsync(Stream stream)
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer).ConfigureAwait(false) is > 0 and int read)
                Append(buffer.AsSpan(0, read));
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The process was disposed: no more output is needed.
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            int start = (int)(_length % Capacity);
            int first = Math.Min(bytes.Length, Capacity - start);
            bytes[..first].CopyTo(_ring.AsSpan(start));
            bytes[first..].CopyTo(_ring);
            _length += bytes.Length;
        }
    }
}
