using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Tests.Gguf;

/// <summary>Small GGUF files built in memory.</summary>
internal static class GgufBytes
{
    /// <summary>One value of every type, one array of every type, and the corners: empty, long, not ASCII.</summary>
    public static IReadOnlyList<(string Key, object Value)> EveryValue { get; } =
    [
        ("general.architecture", "llama"),
        ("u8", (byte)200), ("i8", (sbyte)-100), ("u16", (ushort)60000), ("i16", (short)-30000),
        ("u32", 4000000000u), ("i32", -2000000000), ("f32", 1.5f), ("bool", true), ("bool.no", false),
        ("str", "Grüße, 世界"), ("str.empty", ""), ("u64", ulong.MaxValue), ("i64", long.MinValue), ("f64", Math.PI),
        ("a.u8", new byte[] { 1, 2, 255 }), ("a.i8", new sbyte[] { 1, -2 }), ("a.u16", new ushort[] { 1, 65535 }),
        ("a.i16", new short[] { -1 }), ("a.u32", new uint[] { 7, 8, 9 }), ("a.i32", new[] { -7, 8 }),
        ("a.f32", new[] { 0.1f, float.NaN, float.NegativeInfinity }), ("a.bool", new[] { true, false, true }),
        ("a.str", new[] { "", "a", "Ġthe", "\n" }), ("a.u64", new[] { 1ul }), ("a.i64", new[] { -1L, 2 }), ("a.f64", new[] { 1e300 }),
        ("a.empty", Array.Empty<int>()),
        ("long.str", new string('x', 20000)),
        ("long.a.str", Enumerable.Range(0, 3000).Select(i => $"token {i}").ToArray()),
        ("long.a.f32", Enumerable.Range(0, 9000).Select(i => i * 0.5f).ToArray()),
    ];

    /// <summary>Tensors of one to four dimensions whose sizes need padding, with their data.</summary>
    public static IReadOnlyList<(GgufTensorInfo Info, byte[] Data)> SomeTensors { get; } =
    [
        Tensor("token_embd.weight", GgmlType.F32, 8, 3),
        Tensor("blk.0.attn_norm.weight", GgmlType.F32, 5),
        Tensor("blk.0.ffn_gate_exps.weight", GgmlType.F32, 4, 3, 2),
        Tensor("four", GgmlType.F32, 1, 2, 3, 5),
        Tensor("trailing.ones", GgmlType.F32, 7, 1, 1),
        Tensor(new string('n', 63), GgmlType.F32, 1),
    ];

    /// <summary>A tensor with data that depends on its name alone.</summary>
    public static (GgufTensorInfo Info, byte[] Data) Tensor(string name, GgmlType type, params long[] shape)
    {
        byte[] data = new byte[BlockFormat.Of(type).ByteCount(shape.Aggregate(1L, (product, dimension) => product * dimension))];
        new Random(name.Length).NextBytes(data);
        return (new GgufTensorInfo(name, type, [.. shape]), data);
    }

    /// <summary>A whole file as <see cref="GgufWriter"/> lays it out.</summary>
    public static byte[] Write(IEnumerable<(string Key, object Value)> metadata, IReadOnlyList<(GgufTensorInfo Info, byte[] Data)> tensors)
    {
        GgufWriter writer = new(metadata.Select(entry => GgufEntry.Create(entry.Key, entry.Value)), tensors.Select(tensor => tensor.Info));
        using MemoryStream stream = new((int)writer.Length);
        writer.WriteHeader(stream);
        Assert.Equal(writer.DataOffset, stream.Length);
        foreach ((GgufTensor tensor, byte[] data) in writer.Tensors.Zip(tensors, (tensor, given) => (tensor, given.Data)))
        {
            Assert.Equal(tensor.FileOffset, stream.Position);
            stream.Write(data);
            stream.Write(new byte[writer.PaddingAfter(tensor)]);
        }
        Assert.Equal(writer.Length, stream.Length);
        // As long as the file, so it need not be copied.
        return stream.GetBuffer();
    }
}
