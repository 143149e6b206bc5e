using System.Buffers.Binary;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>Messages over a stream: the payload's length in four little-endian bytes, the kind in one byte, the payload.</summary>
internal sealed class MessageChannel(Stream stream)
{
    /// <summary>Maximum bytes of a payload; larger data goes through files.</summary>
    internal const int MaximumLength = 16 << 20;

    private const int HeaderLength = 5;

    private readonly Lock _sending = new();

    /// <summary>Sends a message; thread-safe.</summary>
    /// <exception cref="InferenceException">The payload is too long; nothing was sent.</exception>
    /// <exception cref="IOException">The other process is gone.</exception>
    internal void Send(MessageKind kind, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > MaximumLength)
            throw new InferenceException($"A message of {payload.Length} bytes cannot be sent to or from the engine process: the limit is {MaximumLength}.");
        byte[] frame = new byte[HeaderLength + payload.Length];
        BinaryPrimitives.WriteInt32LittleEndian(frame, payload.Length);
        frame[sizeof(int)] = (byte)kind;
        payload.CopyTo(frame.AsSpan(HeaderLength));
        lock (_sending)
            stream.Write(frame);
    }

    /// <summary>Waits for the next message; only one thread at a time may call it.</summary>
    /// <returns>The message; null if the other process has closed its end.</returns>
    /// <exception cref="ProtocolException">Invalid data arrived.</exception>
    internal Message? Receive()
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        int read = stream.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false);
        if (read == 0)
            return null;
        if (read < HeaderLength)
            throw new ProtocolException($"A message ended after {read} bytes of its header.");
        int length = BinaryPrimitives.ReadInt32LittleEndian(header);
        MessageKind kind = (MessageKind)header[sizeof(int)];
        if (length is < 0 or > MaximumLength)
            throw new ProtocolException($"A message announces {(uint)length} bytes, but the limit is {MaximumLength}.");
        if (!Enum.IsDefined(kind))
            throw new ProtocolException($"There is no message of kind {(byte)kind}.");
        byte[] payload = new byte[length];
        read = stream.ReadAtLeast(payload, length, throwOnEndOfStream: false);
        return read == length ? new(kind, payload) : throw new ProtocolException($"A message ended after {read} of its {length} bytes.");
    }
}
