using System.Diagnostics;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Tests.Gguf;

/// <summary>Reading whole files: both versions, both byte orders, values on demand, and the sample model.</summary>
public class GgufFileTests
{
    [Fact]
    public void Version_2_reads_as_version_3_does()
    {
        byte[] bytes = GgufBytes.Write(GgufBytes.EveryValue, GgufBytes.SomeTensors);
        bytes[4] = 2;
        using GgufFile file = GgufFile.Open("two.gguf", bytes);
        Assert.Equal(2u, file.Version);
        AssertContent(file);
    }

    [Theory]
    [InlineData("fork", 144, 1, "tensors[1] 'fork' type", "ggml has no type 144: the file is damaged, or needs a newer llama.cpp than v0.5.0")]
    [InlineData("a name of sixty-four bytes, which is one more than ggml's buffer", 0, 1, "tensors[1] name length", "64 bytes exceed the limit of 63")]
    [InlineData("five", 0, 5, "tensors[1] 'five' dimension count", "5 dimensions exceed the limit of 4")]
    public void Other_tensors_are_shown_beside_one_that_ggml_rejects(string name, int type, int dimensions, string field, string problem)
    {
        string path = Path.GetTempFileName();
        try
        {
            // The faulty tensor has 64 bytes of data, which only its writer knows.
            long[] shape = [16, .. Enumerable.Repeat(1L, dimensions - 1)];
            File.WriteAllBytes(path, new RawFile().Header(tensors: 3).Tensor("first", 0, 0, 8).Tensor(name, type, 32, shape).Tensor("last", 0, 96, 8).Pad(128));
            Assert.Throws<GgufFormatException>(() => GgufFile.Open(path));
            using GgufFile file = GgufFile.OpenTolerant(path);
            Assert.Equal(["first", "last"], file.Tensors.Select(tensor => tensor.Name));
            Assert.Equal((field, problem), (file.Fault?.Field, file.Fault?.Problem));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Several_faulty_tensors_are_told_at_once()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new RawFile().Header(tensors: 3).Tensor("a", 144, 0, 8).Tensor("b", 144, 32, 8).Tensor("c", 0, 64, 8).Pad(96));
            using GgufFile file = GgufFile.OpenTolerant(path);
            Assert.Equal("c", Assert.Single(file.Tensors).Name);
            Assert.EndsWith("; 1 other tensor is faulty too", file.Fault?.Problem, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(1, "tensors[2] 'last' data", "its 32 bytes at byte 224 extend beyond the file's 255 bytes, so the file is truncated: download it again")]
    [InlineData(96, "tensors[0] 'first' data", "its 32 bytes at byte 160 extend beyond the file's 160 bytes, so the file is truncated: download it again; 2 other tensors are faulty too")]
    public void A_truncated_file_shows_all_its_tensors(int missing, string field, string problem)
    {
        byte[] bytes = new RawFile().Header(tensors: 3).Tensor("first", 0, 0, 8).Tensor("second", 0, 32, 8).Tensor("last", 0, 64, 8).Pad(96);
        bytes = bytes[..^missing];
        Assert.Throws<GgufFormatException>(() => GgufFile.Open("truncated.gguf", bytes));
        using GgufFile file = GgufFile.Open("truncated.gguf", bytes, isTolerant: true);
        Assert.Equal(["first", "second", "last"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal((field, problem), (file.Fault?.Field, file.Fault?.Problem));
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => file.Read(file.Tensors[2], 0, new byte[32]));
        Assert.Contains("so the file is truncated", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_ends_in_its_header_is_an_error()
    {
        byte[] bytes = new RawFile().Header(tensors: 2).Tensor("first", 0, 0, 8).Raw(5UL);
        Assert.Throws<GgufFormatException>(() => GgufFile.Open("truncated.gguf", bytes, isTolerant: true));
    }

    [Theory]
    [InlineData(100, 0)]
    [InlineData(1, 1 << 20)]
    public void A_faulty_tensor_that_cannot_be_passed_over_is_an_error(uint dimensions, int nameLength)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new RawFile().Header(tensors: 1).Text("n" + new string('x', nameLength)).Raw(dimensions).Raw(new byte[100]));
            Assert.Throws<GgufFormatException>(() => GgufFile.OpenTolerant(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_big_endian_file_reads_as_a_little_endian_one_does()
    {
        byte[] bytes = BigEndian.SwapHeader(GgufBytes.Write(GgufBytes.EveryValue, GgufBytes.SomeTensors));
        using (GgufFile file = GgufFile.Open("big.gguf", bytes))
        {
            foreach (GgufTensor tensor in file.Tensors)
            {
                Span<byte> data = bytes.AsSpan((int)tensor.FileOffset, (int)tensor.ByteCount);
                for (int i = 0; i < data.Length; i += 4)
                    data.Slice(i, 4).Reverse();
            }
        }

        using GgufFile swapped = GgufFile.Open("big.gguf", bytes);
        Assert.True(swapped.IsBigEndian);
        Assert.Equal(3u, swapped.Version);
        AssertContent(swapped);
        using MemoryStream copy = new();
        new GgufWriter(swapped.Metadata, []).WriteHeader(copy);
        Assert.Equal(GgufBytes.Write(GgufBytes.EveryValue, []), copy.ToArray());
    }

    [Theory]
    [InlineData(GgmlType.F16, "2")]
    [InlineData(GgmlType.BF16, "2")]
    [InlineData(GgmlType.F32, "4")]
    [InlineData(GgmlType.F64, "8")]
    [InlineData(GgmlType.I8, "1")]
    [InlineData(GgmlType.I64, "8")]
    [InlineData(GgmlType.Q4_0, "2 1*16")]
    [InlineData(GgmlType.Q4_1, "2 2 1*16")]
    [InlineData(GgmlType.Q5_0, "2 4 1*16")]
    [InlineData(GgmlType.Q5_1, "2 2 4 1*16")]
    [InlineData(GgmlType.Q8_0, "2 1*32")]
    [InlineData(GgmlType.Q2_K, "1*16 1*64 2 2")]
    [InlineData(GgmlType.Q3_K, "1*32 1*64 1*12 2")]
    [InlineData(GgmlType.Q4_K, "2 2 1*12 1*128")]
    [InlineData(GgmlType.Q5_K, "2 2 1*12 1*32 1*128")]
    [InlineData(GgmlType.Q6_K, "1*128 1*64 1*16 2")]
    [InlineData(GgmlType.Q8_K, "4 1*256 2*16")]
    [InlineData(GgmlType.TQ1_0, "1*48 1*4 2")]
    [InlineData(GgmlType.TQ2_0, "1*64 2")]
    [InlineData(GgmlType.IQ1_S, "2 1*32 2*8")]
    [InlineData(GgmlType.IQ1_M, "1*32 1*16 2*4")]
    [InlineData(GgmlType.IQ2_XS, "2 2*32 1*8")]
    [InlineData(GgmlType.IQ2_S, "2 1*64 1*8 1*8")]
    [InlineData(GgmlType.IQ3_XXS, "2 1*64 4*8")]
    [InlineData(GgmlType.IQ3_S, "2 1*64 1*8 1*32 1*4")]
    [InlineData(GgmlType.IQ4_NL, "2 1*16")]
    [InlineData(GgmlType.IQ4_XS, "2 2 1*4 1*128")]
    [InlineData(GgmlType.MXFP4, "1 1*16")]
    [InlineData(GgmlType.NVFP4, "1*4 1*32")]
    [InlineData(GgmlType.Q1_0, "2 1*16")]
    [InlineData(GgmlType.Q2_0, "2 1*16")]
    public void Blocks_of_big_endian_files_are_swapped_field_by_field(GgmlType type, string fields)
    {
        BlockFormat format = BlockFormat.Of(type);
        (GgufTensorInfo info, byte[] data) = GgufBytes.Tensor("t", type, format.BlockSize * 3L);
        byte[] bigEndianData = [.. data];
        int position = 0;
        for (int block = 0; block < 3; block++)
        {
            foreach (string field in fields.Split(' '))
            {
                string[] parts = field.Split('*');
                int width = int.Parse(parts[0]);
                for (int i = 0; i < (parts.Length == 1 ? 1 : int.Parse(parts[1])); i++)
                {
                    bigEndianData.AsSpan(position, width).Reverse();
                    position += width;
                }
            }
        }
        Assert.Equal(data.Length, position);

        using GgufFile file = GgufFile.Open("blocks.gguf", BigEndian.SwapHeader(GgufBytes.Write([], [(info, bigEndianData)])));
        byte[] read = new byte[data.Length];
        file.Read(file.Tensors[0], 0, read);
        Assert.Equal(data, read);

        byte[] part = new byte[data.Length - 2];
        file.Read(file.Tensors[0], 1, part);
        Assert.Equal(data[1..^1], part);
    }

    [Fact]
    public void A_type_without_a_big_endian_form_is_rejected()
    {
        byte[] bytes = BigEndian.SwapHeader(GgufBytes.Write([], [GgufBytes.Tensor("t", GgmlType.IQ2_XXS, 256)]));
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => GgufFile.Open("blocks.gguf", bytes));
        Assert.Contains("iq2_xxs", exception.Message);
    }

    [Fact]
    public void The_sample_model_is_understood()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        Assert.Equal((3u, false, 32), (file.Version, file.IsBigEndian, file.Alignment));
        Assert.Equal((57, 24), (file.Tensors.Count, file.Metadata.Count));
        Assert.Equal(new FileInfo(Sample.Model).Length, file.Length);
        Assert.True(file.Metadata.TryGetString("general.architecture", out string? architecture) && architecture == "llama");
        Assert.Equal(2048, ((string[])file.Metadata.Find("tokenizer.ggml.tokens")!.Value).Length);
        GgufTensor embedding = file.FindTensor("token_embd.weight")!;
        Assert.Equal((GgmlType.F16, 256L, 2048L, 1048576L), (embedding.Type, embedding.RowLength, embedding.RowCount, embedding.ByteCount));
        Assert.Equal(file.Length, file.Tensors.Max(tensor => tensor.FileOffset + tensor.ByteCount));
    }

    [Fact]
    public void A_folder_is_not_a_file() =>
        Assert.Contains("is a folder", Assert.Throws<IOException>(() => GgufFile.Open(Path.GetTempPath())).Message);

    [Fact]
    public void Parts_of_a_tensor_are_read_and_nothing_beyond()
    {
        using GgufFile file = GgufFile.Open("some.gguf", GgufBytes.Write([], GgufBytes.SomeTensors));
        GgufTensor tensor = file.FindTensor("token_embd.weight")!;
        byte[] data = GgufBytes.SomeTensors[0].Data;
        byte[] part = new byte[40];
        file.Read(tensor, 8, part);
        Assert.Equal(data[8..48], part);
        file.Read(tensor, tensor.ByteCount, []);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(tensor, -1, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(tensor, tensor.ByteCount - 1, new byte[2]));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(tensor, long.MaxValue, new byte[2]));
    }

    [Fact]
    public void Numbers_of_any_width_are_found()
    {
        using GgufFile file = GgufFile.Open("values.gguf", GgufBytes.Write(GgufBytes.EveryValue, []));
        GgufMetadata metadata = file.Metadata;
        Assert.True(metadata.TryGetUInt64("u8", out ulong u8) && u8 == 200);
        Assert.True(metadata.TryGetUInt64("u64", out ulong u64) && u64 == ulong.MaxValue);
        Assert.False(metadata.TryGetUInt64("i32", out _));
        Assert.False(metadata.TryGetUInt64("f32", out _));
        Assert.Equal(-2000000000, metadata.Find("i32")!.Value);
        Assert.Equal((sbyte)-100, metadata.Find("i8")!.Value);
        Assert.Equal(1.5f, metadata.Find("f32")!.Value);
        Assert.Equal((true, false), ((bool)metadata.Find("bool")!.Value, (bool)metadata.Find("bool.no")!.Value));
        Assert.True(metadata.TryGetString("str", out string? text) && text == "Grüße, 世界");
        Assert.False(metadata.TryGetString("a.str", out _));
        Assert.False(metadata.TryGetString("nothing", out _));
    }

    [Fact]
    public void Short_values_outlive_the_file_and_long_ones_say_that_it_is_closed()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("model.gguf");
        File.WriteAllBytes(path, GgufBytes.Write(GgufBytes.EveryValue, []));
        GgufFile file = GgufFile.Open(path);
        file.Dispose();
        Assert.Equal("llama", file.Metadata.Find("general.architecture")!.Value);
        Assert.Equal(GgufValueType.Float32, file.Metadata.Find("long.a.f32")!.ElementType);
        Assert.Throws<ObjectDisposedException>(() => file.Metadata.Find("long.a.f32")!.Value);
    }

    [Fact]
    public void A_large_vocabulary_is_skipped_in_milliseconds()
    {
        List<(string, object)> metadata =
        [
            ("general.architecture", "llama"),
            ("tokenizer.ggml.tokens", Enumerable.Range(0, 150_000).Select(i => $"token{i}").ToArray()),
            ("tokenizer.ggml.scores", new float[150_000]),
            ("tokenizer.ggml.token_type", new int[150_000]),
            ("tokenizer.ggml.merges", Enumerable.Range(0, 300_000).Select(i => $"tok en{i}").ToArray()),
        ];
        using TemporaryFolder folder = new();
        string path = folder.File("model.gguf");
        File.WriteAllBytes(path, GgufBytes.Write(metadata, [.. Enumerable.Range(0, 1000).Select(i => GgufBytes.Tensor($"blk.{i}.w", GgmlType.F32, 32))]));
        double best = double.MaxValue;
        for (int i = 0; i < 20; i++)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch watch = Stopwatch.StartNew();
            using GgufFile file = GgufFile.Open(path);
            best = Math.Min(best, watch.Elapsed.TotalMilliseconds);
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            Assert.Equal(1000, file.Tensors.Count);
            Assert.True(allocated < 2_000_000, $"{allocated} bytes were allocated.");
        }

        // A few milliseconds when nothing else runs; the limit allows for a busy machine.
        Assert.True(best < 150, $"The header took {best} ms.");
        TestContext.Current.TestOutputHelper?.WriteLine($"{best:F2} ms");
    }

    private static void AssertContent(GgufFile file)
    {
        foreach ((string key, object value) in GgufBytes.EveryValue)
            Assert.Equal(value, file.Metadata.Find(key)!.Value);
        foreach ((GgufTensorInfo info, byte[] data) in GgufBytes.SomeTensors)
        {
            GgufTensor tensor = file.FindTensor(info.Name)!;
            Assert.Equal(data, file.Read(tensor));
            Assert.Equal(info.Shape[0], tensor.RowLength);
            Assert.Equal(data.Length / 4, tensor.ElementCount);
            Assert.Equal(tensor.ElementCount / tensor.RowLength, tensor.RowCount);
        }
    }
}
