using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Gguf;

/// <summary>The writer writes what ggml writes, and both readers read the same from it.</summary>
public sealed class GgufWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [ReferenceTheory]
    [InlineData(0u)]
    [InlineData(32u)]
    public void The_bytes_are_those_of_ggml(uint alignment)
    {
        IReadOnlyList<(string, object)> metadata = WithAlignment(alignment);
        byte[] expected = ReferenceGguf.Write(metadata, GgufBytes.SomeTensors, _folder.File("reference.gguf"));
        byte[] actual = GgufBytes.Write(metadata, GgufBytes.SomeTensors);
        Assert.Equal(expected, actual);
    }

    [ReferenceFact]
    public void A_file_without_tensors_has_the_bytes_of_ggml()
    {
        Assert.Equal(
            ReferenceGguf.Write(GgufBytes.EveryValue, [], _folder.File("reference.gguf")),
            GgufBytes.Write(GgufBytes.EveryValue, []));
    }

    [ReferenceFact]
    public void Another_alignment_is_honoured_though_ggml_contradicts_itself()
    {
        string path = _folder.File("model.gguf");
        // ggml pads with 32 whatever general.alignment says, and then rejects its own file.
        File.WriteAllBytes(path, ReferenceGguf.Write(WithAlignment(64), GgufBytes.SomeTensors, _folder.File("reference.gguf")));
        Assert.Null(ReferenceGguf.Read(path));
        Assert.Throws<GgufFormatException>(() => GgufFile.Open(path));
        File.WriteAllBytes(path, GgufBytes.Write(WithAlignment(64), GgufBytes.SomeTensors));
        Assert.Equal(64, ReferenceGguf.Read(path)!.Alignment);
    }

    [ReferenceTheory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(8u)]
    [InlineData(128u)]
    [InlineData(4096u)]
    public void Both_readers_understand_the_same(uint alignment)
    {
        string path = _folder.File("model.gguf");
        File.WriteAllBytes(path, GgufBytes.Write(WithAlignment(alignment), GgufBytes.SomeTensors));
        using GgufFile file = GgufFile.Open(path);
        AssertSame(ReferenceGguf.Read(path)!, file);
    }

    [Fact]
    public void Every_value_comes_back()
    {
        using GgufFile file = GgufFile.Open("values.gguf", GgufBytes.Write(GgufBytes.EveryValue, []));
        Assert.Equal(GgufBytes.EveryValue.Select(entry => entry.Key), file.Metadata.Select(entry => entry.Key));
        foreach ((string key, object value) in GgufBytes.EveryValue)
        {
            GgufEntry entry = file.Metadata.Find(key)!;
            Assert.Equal(value, entry.Value);
            Assert.Equal(value.GetType(), entry.Value.GetType());
            Assert.Equal(GgufEntry.Create(key, value).GetEncodedValue().ToArray(), entry.GetEncodedValue().ToArray());
            Assert.Equal(value is Array array ? array.Length : 1, entry.Count);
        }
    }

    [Fact]
    public void Entries_of_a_file_are_written_unchanged()
    {
        byte[] bytes = GgufBytes.Write(GgufBytes.EveryValue, []);
        using GgufFile file = GgufFile.Open("values.gguf", bytes);
        using MemoryStream copy = new();
        new GgufWriter(file.Metadata, []).WriteHeader(copy);
        Assert.Equal(bytes, copy.ToArray());
    }

    [Fact]
    public void What_cannot_be_written_is_rejected()
    {
        GgufTensorInfo tensor = new("t", GgmlType.F32, [4]);
        Assert.Throws<ArgumentException>(() => GgufEntry.Create("", 1));
        Assert.Throws<ArgumentException>(() => GgufEntry.Create(new string('k', 65536), 1));
        Assert.Throws<ArgumentException>(() => GgufEntry.Create("k", 1m));
        Assert.Throws<ArgumentException>(() => GgufEntry.Create("k", new[] { new[] { 1 } }));
        Assert.Throws<ArgumentException>(() => new GgufWriter([GgufEntry.Create("k", 1), GgufEntry.Create("k", 2)], []));
        Assert.Throws<ArgumentException>(() => new GgufWriter([GgufEntry.Create("general.alignment", 24u)], []));
        Assert.Throws<ArgumentException>(() => new GgufWriter([GgufEntry.Create("general.alignment", 32)], []));
        Assert.Throws<ArgumentException>(() => new GgufWriter([], [tensor, tensor]));
        Assert.Throws<ArgumentException>(() => new GgufWriter([], [tensor with { Name = new string('n', 64) }]));
        Assert.Throws<ArgumentException>(() => new GgufWriter([], [tensor with { Shape = [1, 1, 1, 1, 1] }]));
        Assert.Throws<ArgumentException>(() => new GgufWriter([], [tensor with { Shape = [] }]));
    }

    private static void AssertSame(ReferenceHeader expected, GgufFile actual)
    {
        Assert.Equal(expected.Version, actual.Version);
        Assert.Equal(expected.Alignment, actual.Alignment);
        Assert.Equal(expected.DataOffset, actual.Shards[0].DataOffset);
        Assert.Equal(expected.Entries.Select(entry => entry.Key), actual.Metadata.Select(entry => entry.Key));
        foreach (ReferenceEntry entry in expected.Entries)
        {
            GgufEntry found = actual.Metadata.Find(entry.Key)!;
            Assert.Equal((entry.Type, entry.ElementType, entry.Count), (found.Type, found.ElementType ?? found.Type, found.Count));
            object value = found.Value;
            Assert.Equal(entry.Value, entry.Value is byte[]? Bytes(value) : value);
        }
        Assert.Equal(
            expected.Tensors.Select(tensor => (tensor.Name, tensor.Type, string.Join(',', tensor.Shape), tensor.Offset, tensor.ByteCount)),
            actual.Tensors.Select(tensor => (tensor.Name, tensor.Type, string.Join(',', tensor.Shape.Concat(Enumerable.Repeat(1L, 4 - tensor.Shape.Length))), tensor.Offset, tensor.ByteCount)));
    }

    private static byte[] Bytes(object value)
    {
        ReadOnlySpan<byte> encoded = GgufEntry.Create("k", value).GetEncodedValue().Span;
        return (value is Array ? encoded[12..] : encoded).ToArray();
    }

    private static IReadOnlyList<(string, object)> WithAlignment(uint alignment) =>
        alignment == 0 ? GgufBytes.EveryValue : [.. GgufBytes.EveryValue, ("general.alignment", alignment)];
}
