using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Safetensors;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>Every check of the safetensors library is made before anything in a file is believed.</summary>
public class SafetensorsTests
{
    private const int Mutations = 60_000;

    private const string Good =
        """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"e":{"dtype":"I8","shape":[0,7],"data_offsets":[32,32]},"s":{"dtype":"F8_E4M3","shape":[],"data_offsets":[32,33]}}""";

    [Fact]
    public void A_header_is_read_in_the_order_of_the_data()
    {
        using SafetensorsFile file = SafetensorsFile.Open("good", Write(Good, 33));
        Assert.Equal(["a", "b", "e", "s"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([2, 3], file.Tensors[0].Shape);
        Assert.Equal(file.Length - 33, file.Tensors[0].FileOffset);
        Assert.Equal([24, 8, 0, 1], file.Tensors.Select(tensor => tensor.ByteCount));
    }

    [Theory]
    [InlineData("", 0, "does not start with '{'")]
    [InlineData("[]", 0, "does not start with '{'")]
    [InlineData("{", 0, "not valid JSON")]
    [InlineData("{}{}", 0, "not valid JSON")]
    [InlineData("{}", 1, "1 bytes follow the last tensor")]
    [InlineData("""{"a":3}""", 0, "an object is expected")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1]}}""", 0, "it needs 'dtype', 'shape' and 'data_offsets'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "it needs 'dtype', 'shape' and 'data_offsets'")]
    [InlineData("""{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", 4, "the type 'F33'")]
    [InlineData("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "'dtype' is given twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", 4, "'shape' is given twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"data_offsets":[0,4]}}""", 4, "'data_offsets' is given twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}""", 4, "'x' is not a property")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "non-negative")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "is not within the 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "is not within the 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "does not take the 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,4]}}""", 4, "does not take the 4 bytes")]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", 1, "does not take the 1 bytes")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}}""", 2, "the name occurs twice")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"I8","shape":[1],"data_offsets":[2,3]}}""", 3, "the tensor before it ends at 1")]
    [InlineData("""{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"I8","shape":[2],"data_offsets":[1,3]}}""", 3, "the tensor before it ends at 2")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "must be strings")]
    public void A_wrong_header_is_rejected_with_its_field_and_offset(string header, int dataBytes, string problem)
    {
        ModelFolderException exception = Assert.Throws<ModelFolderException>(() => SafetensorsFile.Open("file", Write(header, dataBytes)));
        Assert.Contains(problem, exception.Message, StringComparison.Ordinal);
        Assert.Equal("file", exception.FilePath);
        Assert.NotNull(exception.Field);
        Assert.True(exception.Offset >= 0);
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3 }, "8 bytes are needed, but the file has only 3")]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 }, "exceed the limit of 100000000")]
    [InlineData(new byte[] { 9, 0, 0, 0, 0, 0, 0, 0, 1 }, "the header takes 9 bytes, but the file has only 9")]
    public void A_wrong_length_is_rejected(byte[] bytes, string problem) =>
        Assert.Contains(problem, Assert.Throws<ModelFolderException>(() => SafetensorsFile.Open("file", bytes)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_pointer_of_Git_LFS_is_told()
    {
        byte[] pointer = Encoding.UTF8.GetBytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n");
        Assert.Contains("LFS", Assert.Throws<ModelFolderException>(() => SafetensorsFile.Open("file", pointer)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_damage_gives_a_file_or_the_documented_exception()
    {
        byte[] seed = Write(Good, 33);
        int opened = 0;
        long slowest = 0;
        Parallel.For(0, Mutations, i =>
        {
            byte[] bytes = Mutate(seed, new Random(i));
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open($"mutation {i}", bytes);
                foreach (SafetensorsTensor tensor in file.Tensors)
                    Assert.True(tensor.FileOffset >= SafetensorsFile.LengthBytes && tensor.FileOffset + tensor.ByteCount <= bytes.Length, $"mutation {i}");
                Interlocked.Increment(ref opened);
            }
            catch (ModelFolderException exception)
            {
                Assert.NotNull(exception.Field);
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            Assert.True(allocated <= 64 * 1024 + (bytes.Length * 24L), $"Mutation {i} of {bytes.Length} bytes allocated {allocated}.");
            Interlocked.Exchange(ref slowest, Math.Max(Interlocked.Read(ref slowest), (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds));
        });
        Assert.True(slowest < 1000, $"A file took {slowest} ms.");
        Assert.InRange(opened, Mutations / 50, Mutations * 49 / 50);
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        byte[] bytes = [.. seed];
        switch (random.Next(6))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                bytes[random.Next(8)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2:
                for (int i = random.Next(1, 4); i > 0; i--)
                    bytes[random.Next(8, bytes.Length)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 3:
                // A digit for another: shapes and offsets.
                int[] digits = [.. Enumerable.Range(8, bytes.Length - 8 - 33).Where(i => bytes[i] is >= (byte)'0' and <= (byte)'9')];
                bytes[digits[random.Next(digits.Length)]] = (byte)('0' + random.Next(10));
                return bytes;
            case 4:
                int cut = random.Next(8, bytes.Length - 16);
                return [.. bytes[..cut], .. bytes[(cut + random.Next(1, 16))..]];
            default:
                // Within a name or a text, where nothing is said about the data.
                int offset = random.Next(8, bytes.Length);
                bytes[offset] = (byte)random.Next(' ', 127);
                return bytes;
        }
    }

    private static byte[] Write(string header, int dataBytes)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] bytes = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, text.Length);
        text.CopyTo(bytes, 8);
        return bytes;
    }
}
