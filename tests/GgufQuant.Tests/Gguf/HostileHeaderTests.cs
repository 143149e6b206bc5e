using GgufQuant.Gguf;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Gguf;

/// <summary>One invalid field at a time: each is rejected with its name, its offset and a reason, and ggml rejects it too.</summary>
public class HostileHeaderTests
{
    /// <summary>Files, each with the field that is wrong, a word of the reason, and whether ggml rejects the file as well.</summary>
    private static readonly Dictionary<string, (byte[] Bytes, string Field, string Reason, bool GgmlRejects)> s_files = new()
    {
        ["empty"] = ([], "header magic", "empty", true),
        ["three bytes"] = ("GGU"u8.ToArray(), "header magic", "not 'GGUF'", true),
        ["magic alone"] = ("GGUF"u8.ToArray(), "header version", "truncated", true),
        ["zip"] = ("PK\x03\x04 and so on"u8.ToArray(), "header magic", "PyTorch", true),
        ["LFS pointer"] = ("version https://git-lfs.github.com/spec/v1"u8.ToArray(), "header magic", "git lfs pull", true),
        ["gzip"] = ([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0], "header magic", "gzip", true),
        ["Zstandard"] = ([0x28, 0xB5, 0x2F, 0xFD, 0, 0, 0, 0, 0, 0], "header magic", "Zstandard", true),
        ["pickle"] = ([0x80, 2, (byte)'}', (byte)'q', 0, (byte)'.'], "header magic", "pickle", true),
        ["safetensors"] = ([2, 0, 0, 0, 0, 0, 0, 0, .. "{}        "u8], "header magic", "safetensors", true),
        ["neither"] = ([2, 0, 0, 0, 0, 0, 0, 1, .. "{}        "u8], "header magic", "this is not a GGUF file", true),
        ["web page"] = ("<!DOCTYPE html>"u8.ToArray(), "header magic", "web page", true),
        ["version 0"] = (Header(version: 0), "header version", "version 0", true),
        ["version 1"] = (Header(version: 1), "header version", "version 1", true),
        ["version 4"] = (Header(version: 4), "header version", "version 4", true),
        ["tensor count beyond the file"] = (Header(tensors: 1000), "header tensor count", "claims 1000", true),
        ["tensor count 2^63"] = (Header(tensors: 1UL << 63), "header tensor count", "at most", true),
        ["metadata count beyond the file"] = (Header(entries: 1000), "header metadata count", "claims 1000", true),
        ["metadata count -1"] = (Header(entries: ulong.MaxValue), "header metadata count", "at most", true),
        ["key length 2^63"] = (Entry(file => file.Raw(1UL << 63).Raw(new byte[16])), "metadata[0] key length", "exceed the limit of 65535", true),
        ["key beyond the file"] = (Entry(file => file.Raw(5000UL).Raw(new byte[100])), "metadata[0] key", "truncated", true),
        ["empty key"] = (Entry(file => file.Text("").Raw(4u).Raw(0u)), "metadata[0] key", "empty", true),
        ["key with a zero byte"] = (Entry(file => file.Text("a\0b").Raw(4u).Raw(0u)), "metadata[0] key", "zero byte", false),
        ["key that is not UTF-8"] = (Entry(file => file.Raw(2UL).Raw([0xC3, 0x28]).Raw(4u).Raw(0u)), "metadata[0] key", "UTF-8", false),
        ["key of 65536 bytes"] = (Entry(file => file.Text(new string('k', 65536)).Raw(4u).Raw(0u)), "metadata[0] key length", "65535", false),
        ["duplicate key"] = (new RawFile().Header(entries: 2).Text("k").Raw(4u).Raw(0u).Text("k").Raw(4u).Raw(0u), "metadata[1] 'k' key", "occurs twice", true),
        ["value type 13"] = (Entry(file => file.Text("k").Raw(13u).Raw(0u)), "metadata[0] 'k' type", "13 is not a value type", true),
        ["value type -1"] = (Entry(file => file.Text("k").Raw(uint.MaxValue).Raw(0u)), "metadata[0] 'k' type", "is not a value type", true),
        ["value cut off"] = (Entry(file => file.Text("k").Raw(10u).Raw(0u)), "metadata[0] 'k' value", "8 bytes are needed", true),
        ["string length 2^63"] = (Entry(file => file.Text("k").Raw(8u).Raw(1UL << 63)), "metadata[0] 'k' element 0 length", "exceed the limit", true),
        ["string beyond the file"] = (Entry(file => file.Text("k").Raw(8u).Raw(100UL).Raw(0u)), "metadata[0] 'k' element 0", "truncated", true),
        ["array of arrays"] = (Entry(file => file.Text("k").Raw(9u).Raw(9u).Raw(0UL)), "metadata[0] 'k' element type", "nested arrays", true),
        ["element type 99"] = (Entry(file => file.Text("k").Raw(9u).Raw(99u).Raw(0UL)), "metadata[0] 'k' element type", "99 is not a value type", true),
        ["array length 2^63"] = (Entry(file => file.Text("k").Raw(9u).Raw(4u).Raw(1UL << 63)), "metadata[0] 'k' length", "exceed the limit", true),
        ["array length 2^62"] = (Entry(file => file.Text("k").Raw(9u).Raw(4u).Raw(1UL << 62)), "metadata[0] 'k' length", "exceed the limit", true),
        ["array beyond the file"] = (Entry(file => file.Text("k").Raw(9u).Raw(10u).Raw(1000UL).Raw(0UL)), "metadata[0] 'k' length", "8000 bytes", true),
        ["strings beyond the file"] = (Entry(file => file.Text("k").Raw(9u).Raw(8u).Raw(1000UL).Raw(0UL)), "metadata[0] 'k' length", "8000 bytes", true),
        ["second string beyond the file"] = (Entry(file => file.Text("k").Raw(9u).Raw(8u).Raw(2UL).Text("abc").Raw(99UL)), "metadata[0] 'k' element 1", "truncated", true),
        ["alignment of another type"] = (Entry(file => file.Text("general.alignment").Raw(10u).Raw(32UL)), "metadata 'general.alignment' type", "UInt32", true),
        ["alignment 0"] = (Entry(file => file.Text("general.alignment").Raw(4u).Raw(0u)), "metadata 'general.alignment' value", "power of two", true),
        ["alignment 24"] = (Entry(file => file.Text("general.alignment").Raw(4u).Raw(24u)), "metadata 'general.alignment' value", "power of two", true),
        ["alignment 2^31"] = (Entry(file => file.Text("general.alignment").Raw(4u).Raw(1u << 31)), "metadata 'general.alignment' value", "power of two", false),
        ["name of 64 bytes"] = (Tensors(file => file.Tensor(new string('n', 64), 0, 0, 4)), "tensors[0] name length", "63", true),
        ["name with a zero byte"] = (Tensors(file => file.Tensor("a\0b", 0, 0, 4)), "tensors[0] name", "zero byte", false),
        ["duplicate name"] = (Tensors(file => file.Tensor("n", 0, 0, 4).Tensor("n", 0, 32, 4), count: 2), "tensors[1] name", "'n' occurs twice", true),
        ["five dimensions"] = (Tensors(file => file.Tensor("n", 0, 0, 1, 1, 1, 1, 1)), "tensors[0] 'n' dimension count", "5 dimensions", true),
        ["negative dimension"] = (Tensors(file => file.Tensor("n", 0, 0, -4)), "tensors[0] 'n' dimension 0", "negative", true),
        // ggml multiplies the next two to 0 and treats the tensor as empty.
        ["2^64 elements"] = (Tensors(file => file.Tensor("n", 0, 0, 1L << 32, 1L << 32)), "tensors[0] 'n' shape", "more than a file", false),
        ["2^64 elements that wrap to few bytes"] = (Tensors(file => file.Tensor("n", 0, 0, 1L << 62, 4)), "tensors[0] 'n' shape", "more than a file", false),
        ["2^62 elements of 4 bytes"] = (Tensors(file => file.Tensor("n", 0, 0, 1L << 62)), "tensors[0] 'n' shape", "more than a file", true),
        ["type 43"] = (Tensors(file => file.Tensor("n", 43, 0, 256)), "tensors[0] 'n' type", "no type 43", true),
        ["type -1"] = (Tensors(file => file.Tensor("n", -1, 0, 256)), "tensors[0] 'n' type", "no type", true),
        ["type 4, removed"] = (Tensors(file => file.Tensor("n", 4, 0, 256)), "tensors[0] 'n' type", "removed", true),
        ["type 31, removed"] = (Tensors(file => file.Tensor("n", 31, 0, 256)), "tensors[0] 'n' type", "removed", true),
        ["type 38, removed"] = (Tensors(file => file.Tensor("n", 38, 0, 256)), "tensors[0] 'n' type", "removed", true),
        ["offset not aligned"] = (Tensors(file => file.Tensor("n", 0, 7, 4)), "tensors[0] 'n' offset", "gap", true),
        ["offset 2^64-32"] = (Tensors(file => file.Tensor("n", 0, -32, 4)), "tensors[0] 'n' offset", "gap", true),
        ["gap between tensors"] = (Tensors(file => file.Tensor("n", 0, 0, 4).Tensor("m", 0, 64, 4), count: 2), "tensors[1] 'm' offset", "gap", true),
        ["overlapping tensors"] = (Tensors(file => file.Tensor("n", 0, 0, 16).Tensor("m", 0, 32, 4), count: 2), "tensors[1] 'm' offset", "overlaps", true),
        ["tensors out of order"] = (Tensors(file => file.Tensor("n", 0, 32, 4).Tensor("m", 0, 0, 4), count: 2), "tensors[0] 'n' offset", "gap", true),
        // The next two pass ggml's parser and are caught by llama.cpp's loader.
        ["data beyond the file"] = (Tensors(file => file.Tensor("n", 0, 0, 1000)), "tensors[0] 'n' data", "truncated", false),
        ["data ends one byte early"] = (Tensors(file => file.Tensor("n", 0, 0, 32))[..^1], "tensors[0] 'n' data", "truncated", false),
        ["data section beyond the file"] = (new RawFile().Header(tensors: 1).Tensor("n", 0, 0, 0), "tensors[0] 'n' data", "truncated", true),
    };

    public static TheoryData<string> Names => [.. s_files.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_invalid_field_is_named(string name)
    {
        (byte[] bytes, string field, string reason, _) = s_files[name];
        GgufFormatException exception = Assert.Throws<GgufFormatException>(() => GgufFile.Open("hostile.gguf", bytes));
        Assert.Equal(field, exception.Field);
        Assert.Contains(reason, exception.Message);
        Assert.Contains("'hostile.gguf'", exception.Message);
        Assert.Contains($"at byte {exception.Offset}:", exception.Message);
        Assert.InRange(exception.Offset, 0, bytes.Length);
    }

    // NuGet's build ends the process on some damaged headers.
    [ReferenceTheory(ReferenceKind.Npm)]
    [MemberData(nameof(Names))]
    public void Ggml_agrees(string name)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("model.gguf");
        File.WriteAllBytes(path, s_files[name].Bytes);
        Assert.Equal(s_files[name].GgmlRejects, ReferenceGguf.Read(path) is null);
        // A file is checked the same way as bytes.
        Assert.Equal(s_files[name].Field, Assert.Throws<GgufFormatException>(() => GgufFile.Open(path)).Field);
    }

    [ReferenceTheory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(1, 4)]
    [InlineData(2, 0, 7)]
    public void Corners_that_ggml_accepts_are_accepted(int dimensions, long first, long second = 0)
    {
        RawFile file = new RawFile().Header(tensors: 1).Tensor("n", 0, 0, new[] { first, second }[..dimensions]).Pad(64);
        using GgufFile read = GgufFile.Open("corner.gguf", file);
        Assert.Equal(dimensions == 0 ? 1 : first * Math.Max(1, second), read.Tensors[0].ElementCount);

        using TemporaryFolder folder = new();
        string path = folder.File("model.gguf");
        File.WriteAllBytes(path, file);
        Assert.Equal(ReferenceGguf.Read(path)!.Tensors[0].ByteCount, read.Tensors[0].ByteCount);
    }

    private static byte[] Header(uint version = 3, ulong tensors = 0, ulong entries = 0) =>
        new RawFile().Header(version, tensors, entries).Raw(new byte[64]);

    private static byte[] Entry(Func<RawFile, RawFile> write) => write(new RawFile().Header(entries: 1));

    private static byte[] Tensors(Func<RawFile, RawFile> write, int count = 1) => write(new RawFile().Header(tensors: (ulong)count)).Pad(128);
}
