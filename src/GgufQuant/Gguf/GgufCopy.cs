using System.Diagnostics;
using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>Copies a model's tensor data unchanged into files of another layout.</summary>
internal sealed class GgufCopy(GgufFile source, IProgress<WorkProgress>? progress, CancellationToken token)
{
    private const int BufferBytes = 1 << 22;

    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly long _bytes = source.Tensors.Sum(tensor => tensor.ByteCount);
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _done;

    /// <summary>Writes the whole file; <see cref="AtomicFile.Commit"/> then gives it its name.</summary>
    /// <param name="path">The file's name.</param>
    /// <param name="writer">The layout; each of its tensors is one of the source's.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <param name="replacesSource">Whether it replaces the source, which the caller closes before it commits the file.</param>
    public AtomicFile Write(string path, GgufWriter writer, bool overwrite, bool replacesSource = false)
    {
        AtomicFile file = AtomicFile.Create(path, writer.Length, overwrite, writer.WriteHeader, isOpenHere: replacesSource);
        try
        {
            foreach (GgufTensor target in writer.Tensors)
                CopyTensor(source.FindTensor(target.Name)!, target, file);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void CopyTensor(GgufTensor tensor, GgufTensor target, AtomicFile file)
    {
        for (long offset = 0; offset < tensor.ByteCount; offset += BufferBytes)
        {
            token.ThrowIfCancellationRequested();
            Span<byte> part = _buffer.AsSpan(0, (int)Math.Min(BufferBytes, tensor.ByteCount - offset));
            source.Read(tensor, offset, part);
            file.Write(target.FileOffset + offset, part);
            _done += part.Length;
            progress?.Report(WorkProgress.Of($"{tensor.Name}, {NumberText.Size(_done)} of {NumberText.Size(_bytes)}", _done, _bytes, _start));
        }
    }
}
