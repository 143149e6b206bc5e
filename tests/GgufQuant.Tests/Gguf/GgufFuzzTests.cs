using System.Buffers.Binary;
using System.Diagnostics;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Gguf;

/// <summary>Headers with damage everywhere: each either parses or is rejected with the documented exception.</summary>
public class GgufFuzzTests
{
    private const int Mutations = 240_000;
    private const int MutationsForGgml = 40_000;
    private const int TolerantMutations = 20_000;

    private static readonly ulong[] s_extremes =
    [
        0, 1, 2, 3, 9, 13, 31, 32, 43, 63, 64, 255, 65535, 65536, int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32,
        1UL << 61, 1UL << 62, long.MaxValue, 1UL << 63, ulong.MaxValue - 31, ulong.MaxValue,
    ];

    [Fact]
    public void Every_outcome_is_a_file_or_the_documented_exception()
    {
        byte[][] seeds = [.. Seeds()];
        int parsed = 0;
        int rejected = 0;
        long slowest = 0;
        Parallel.For(0, Mutations, i =>
        {
            Random random = new(i);
            byte[] bytes = Mutate(seeds[i % seeds.Length], random);
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            bool opened = Exercise(bytes, $"mutation {i}");
            long elapsed = (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;

            // Covers the objects for a file of many tiny entries, and a message with a long key.
            Assert.True(allocated <= 64 * 1024 + (bytes.Length * 24L), $"Mutation {i} of {bytes.Length} bytes allocated {allocated}.");
            InterlockedMax(ref slowest, elapsed);
            Interlocked.Increment(ref opened ? ref parsed : ref rejected);
        });

        TestContext.Current.TestOutputHelper?.WriteLine($"{parsed} parsed, {rejected} rejected, the slowest took {slowest} ms");
        Assert.Equal(Mutations, parsed + rejected);
        Assert.True(slowest < 1000, $"A file took {slowest} ms.");

        // Neither outcome may be so rare that the other alone is tested.
        Assert.InRange(parsed, Mutations / 20, Mutations * 19 / 20);
    }

    [Fact]
    public void What_is_shown_of_a_damaged_file_can_be_described()
    {
        byte[][] seeds = [.. Seeds()];
        int shown = 0;
        Parallel.For(0, TolerantMutations, i =>
        {
            byte[] bytes = Mutate(seeds[i % seeds.Length], new Random(i));
            try
            {
                using GgufFile file = GgufFile.Open($"mutation {i}", bytes, isTolerant: true);
                ModelInfo info = ModelInfo.Read(file);
                Assert.True(info.TensorBytes >= 0 && info.Parameters >= 0 && info.Memory >= 0, $"The sums of mutation {i} overflow.");
                if (file.Fault is not null)
                    Interlocked.Increment(ref shown);
            }
            catch (GgufFormatException)
            {
                // It is damaged before its tensors.
            }
        });
        Assert.InRange(shown, TolerantMutations / 100, TolerantMutations);
    }

    // NuGet's build ends the process on some damaged headers.
    [ReferenceFact(ReferenceKind.Npm)]
    public void Ggml_accepts_the_same_files()
    {
        byte[][] seeds = [.. Seeds()];
        int accepted = 0;
        Parallel.For(0, MutationsForGgml, i =>
        {
            byte[] bytes = Mutate(seeds[i % seeds.Length], new Random(i + Mutations));
            bool ggmlAccepts = ReferenceGguf.Accepts(bytes);
            try
            {
                using GgufFile file = GgufFile.Open($"mutation {i}", bytes);
                Assert.True(ggmlAccepts || file.IsBigEndian, $"ggml rejects mutation {i}.");
                Interlocked.Increment(ref accepted);
            }
            catch (GgufFormatException exception)
            {
                Assert.True(!ggmlAccepts || IsOurs(exception), $"ggml accepts mutation {i}, but: {exception.Message}");
            }
        });
        Assert.InRange(accepted, MutationsForGgml / 20, MutationsForGgml * 19 / 20);
    }

    // ggml's parser accepts these: its loader checks where data ends, and nothing checks the rest.
    private static bool IsOurs(GgufFormatException exception) =>
        exception.Field.EndsWith(" data", StringComparison.Ordinal)
        || exception.Field.EndsWith(" shape", StringComparison.Ordinal)
        || exception.Field.StartsWith("metadata 'general.alignment'", StringComparison.Ordinal)
        || exception.Message.Contains("UTF-8", StringComparison.Ordinal)
        || exception.Message.Contains("zero byte", StringComparison.Ordinal);

    private static bool Exercise(byte[] bytes, string name)
    {
        try
        {
            using GgufFile file = GgufFile.Open(name, bytes);
            foreach (GgufEntry entry in file.Metadata)
                Assert.Equal(entry.EncodedLength, entry.GetEncodedValue().Length);
            byte[] data = new byte[64];
            foreach (GgufTensor tensor in file.Tensors)
            {
                Assert.True(tensor.FileOffset >= file.Shards[0].DataOffset && tensor.FileOffset + tensor.ByteCount <= bytes.Length, name);
                int count = (int)Math.Min(data.Length, tensor.ByteCount);
                file.Read(tensor, tensor.ByteCount - count, data.AsSpan(0, count));
            }
            return true;
        }
        catch (GgufFormatException)
        {
            return false;
        }
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        byte[] bytes = seed;
        switch (random.Next(8))
        {
            case 0:
                return seed[..random.Next(seed.Length)];
            case 1:
                // Damage near the front matters most: counts, the first keys.
                bytes = [.. seed];
                for (int i = random.Next(1, 4); i > 0; i--)
                    bytes[random.Next(Math.Min(bytes.Length, 256))] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2:
                bytes = [.. seed];
                int length = random.Next(1, 32);
                random.NextBytes(bytes.AsSpan(random.Next(bytes.Length - length), length));
                return bytes;
            case 3:
                int cut = random.Next(4, seed.Length - 32);
                return [.. seed[..cut], .. seed[(cut + random.Next(1, 32))..]];
            case 4:
                int insert = random.Next(4, seed.Length);
                return [.. seed[..insert], .. new byte[random.Next(1, 32)], .. seed[insert..]];
            case 5:
                bytes = [.. seed];
                for (int i = random.Next(1, 9); i > 0; i--)
                    bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                return bytes;
            default:
                bytes = [.. seed];
                ulong extreme = s_extremes[random.Next(s_extremes.Length)];
                if (random.Next(2) == 0)
                    extreme += (ulong)random.Next(-2, 3);
                Span<byte> field = bytes.AsSpan(FieldOffset(bytes, random), 8);
                if (random.Next(3) == 0)
                    BinaryPrimitives.WriteUInt32LittleEndian(field, (uint)extreme);
                else
                    BinaryPrimitives.WriteUInt64LittleEndian(field, extreme);
                return bytes;
        }
    }

    // Lengths and counts are small numbers in eight bytes: find one rather than hitting text most of the time.
    private static int FieldOffset(byte[] bytes, Random random)
    {
        int start = random.Next(4, bytes.Length - 8);
        for (int offset = start; offset < Math.Min(start + 512, bytes.Length - 8); offset++)
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset)) is > 0 and < 4096)
                return offset;
        }
        return start;
    }

    private static IEnumerable<byte[]> Seeds()
    {
        yield return SampleHeader();
        IReadOnlyList<(string, object)> values = [.. GgufBytes.EveryValue.Where(entry => !entry.Key.StartsWith("long.", StringComparison.Ordinal))];
        byte[] every = GgufBytes.Write(values, GgufBytes.SomeTensors);
        yield return every;
        yield return BigEndian.SwapHeader(every);
        foreach ((string, object) value in values)
            yield return GgufBytes.Write([value], GgufBytes.SomeTensors.Take(2).ToArray());
        yield return GgufBytes.Write([("general.alignment", 64u), ("split.no", (ushort)0), ("split.count", (ushort)1)], GgufBytes.SomeTensors);
        yield return GgufBytes.Write([], [.. Enumerable.Range(0, 40).Select(i => GgufBytes.Tensor($"blk.{i}.w", GgmlType.F32, 1))]);
        yield return GgufBytes.Write([.. Enumerable.Range(0, 60).Select(i => ($"k{i}", (object)(byte)i))], []);
    }

    // The sample model's own header over as many tensors of one block each, so that a copy stays cheap.
    private static byte[] SampleHeader()
    {
        using GgufFile sample = GgufFile.Open(Sample.Model);
        return GgufBytes.Write(
            sample.Metadata.Select(entry => (entry.Key, entry.Value)),
            [.. sample.Tensors.Select(tensor => GgufBytes.Tensor(tensor.Name, tensor.Type, tensor.Format.BlockSize))]);
    }

    private static void InterlockedMax(ref long target, long value)
    {
        long seen = Volatile.Read(ref target);
        while (value > seen)
        {
            long previous = Interlocked.CompareExchange(ref target, value, seen);
            if (previous == seen)
                return;
            seen = previous;
        }
    }
}
