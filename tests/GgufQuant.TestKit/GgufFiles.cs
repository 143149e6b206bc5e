using GgufQuant.Gguf;

namespace GgufQuant.TestKit;

/// <summary>GGUF files for tests, written and read whole.</summary>
public static class GgufFiles
{
    /// <summary>Writes a file with the tensors' data.</summary>
    public static void Write(string path, IEnumerable<GgufEntry> metadata, IReadOnlyList<(GgufTensorInfo Info, byte[] Data)> tensors)
    {
        GgufWriter writer = new(metadata, tensors.Select(tensor => tensor.Info));
        using FileStream stream = File.Create(path);
        writer.WriteHeader(stream);
        foreach ((GgufTensor tensor, byte[] data) in writer.Tensors.Zip(tensors, (tensor, given) => (tensor, given.Data)))
        {
            stream.Write(data);
            stream.Write(new byte[writer.PaddingAfter(tensor)]);
        }
    }

    /// <summary>A file in memory whose weights are zero.</summary>
    public static GgufFile OpenZeros(string name, IEnumerable<GgufEntry> metadata, IEnumerable<GgufTensorInfo> tensors)
    {
        using MemoryStream stream = new();
        WriteZeros(stream, metadata, tensors);
        return GgufFile.Open(name, stream.ToArray());
    }

    /// <summary>Writes a file whose weights are zero, and on a disk take no space.</summary>
    public static void WriteZeros(Stream stream, IEnumerable<GgufEntry> metadata, IEnumerable<GgufTensorInfo> tensors)
    {
        GgufWriter writer = new(metadata, tensors);
        writer.WriteHeader(stream);
        stream.SetLength(writer.Length);
    }

    /// <summary>A tensor's data.</summary>
    public static byte[] Read(this GgufFile file, GgufTensor tensor)
    {
        byte[] data = new byte[tensor.ByteCount];
        file.Read(tensor, 0, data);
        return data;
    }
}
