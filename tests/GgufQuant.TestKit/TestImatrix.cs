using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.TestKit;

/// <summary>Importance matrices for models: random sums, some experts never used, written in both formats.</summary>
public sealed class TestImatrix
{
    private const int ChunkSize = 512;

    private TestImatrix(IReadOnlyList<Entry> entries) => Entries = entries;

    public IReadOnlyList<Entry> Entries { get; }

    /// <summary>An entry for each weight but the embeddings and the output, as llama-imatrix makes them.</summary>
    public static TestImatrix For(GgufFile model)
    {
        Random random = new(11);
        List<Entry> entries = [];
        foreach (GgufTensor tensor in model.Tensors.Where(tensor => tensor.Shape.Length > 1 && tensor.Name is not ("token_embd.weight" or "output.weight")))
        {
            int matrices = tensor.Shape.Length > 2 ? (int)tensor.Shape[2] : 1;
            float[] counts = [.. Enumerable.Range(0, matrices).Select(i => i % 5 == 3 ? 0 : random.Next(1, 2000) * (float)ChunkSize)];
            float[] sums = new float[tensor.RowLength * matrices];
            for (int i = 0; i < sums.Length; i++)
            {
                // Multiplied, since platforms round powers differently.
                double root = random.NextDouble();
                sums[i] = counts[i / tensor.RowLength] * (float)(root * root * (root * root));
            }
            entries.Add(new Entry(tensor.Name, sums, counts));
        }
        return new TestImatrix([.. entries.OrderBy(entry => entry.Name, StringComparer.Ordinal)]);
    }

    /// <summary>What llama-quantize makes of the GGUF form.</summary>
    public IReadOnlyList<(string Name, float[] Importance)> Means() => [.. Entries.Select(entry => (entry.Name, entry.Means()))];

    public TestImatrix Replace(string name, Func<Entry, Entry?> change) =>
        new([.. Entries.Select(entry => entry.Name == name ? change(entry) : entry).OfType<Entry>()]);

    public void WriteGguf(string path)
    {
        List<(GgufTensorInfo, byte[])> tensors = [];
        foreach (Entry entry in Entries)
        {
            tensors.Add((new($"{entry.Name}.in_sum2", GgmlType.F32, [entry.Sums.Length / entry.Counts.Length, entry.Counts.Length]), Bytes(entry.Sums)));
            tensors.Add((new($"{entry.Name}.counts", GgmlType.F32, [1, entry.Counts.Length]), Bytes(entry.Counts)));
        }
        GgufEntry[] metadata =
        [
            GgufEntry.Create("general.type", "imatrix"), GgufEntry.Create("imatrix.datasets", new[] { "first.txt", "second.txt" }),
            GgufEntry.Create("imatrix.chunk_count", 2000u), GgufEntry.Create("imatrix.chunk_size", (uint)ChunkSize),
        ];
        GgufFiles.Write(path, metadata, tensors);

        static byte[] Bytes(float[] values) => MemoryMarshal.AsBytes<float>(values).ToArray();
    }

    /// <summary>Writes the older format, which keeps the means alone.</summary>
    public void WriteLegacy(string path, int calls, bool trailer = true)
    {
        using BinaryWriter writer = new(File.Create(path), Encoding.UTF8);
        writer.Write(Entries.Count);
        foreach (Entry entry in Entries)
        {
            writer.Write(Encoding.UTF8.GetByteCount(entry.Name));
            writer.Write(Encoding.UTF8.GetBytes(entry.Name));
            writer.Write(calls);
            writer.Write(entry.Sums.Length);
            foreach (float value in entry.LegacyValues(calls))
                writer.Write(value);
        }
        if (!trailer)
            return;
        writer.Write(77);
        writer.Write(5);
        writer.Write("c.txt"u8);
    }

    public sealed record Entry(string Name, float[] Sums, float[] Counts)
    {
        public float[] Means() => [.. Sums.Select((sum, i) => Count(i) is > 0 and float count ? sum / count : 1)];

        public float[] LegacyValues(int calls) => [.. Means().Select(mean => mean * calls)];

        private float Count(int index) => Counts[index / (Sums.Length / Counts.Length)];
    }
}
