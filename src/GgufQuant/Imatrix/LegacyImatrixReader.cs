using System.Buffers.Binary;
using System.Text;
using GgufQuant.IO;

namespace GgufQuant.Imatrix;

/// <summary>Reads importance matrices in the older <c>.dat</c> format: means times the number of calls.</summary>
/// <remarks>
/// An entry is a length, the name, the calls, the number of values and the values; the last entry may be followed by the
/// number of chunks and the length and path of the text. The format has no magic number: a file that does not fit is
/// rejected.
/// </remarks>
internal sealed class LegacyImatrixReader
{
    // A tensor name has at most 63 bytes; the text's path may be long.
    private const int MaxNameBytes = 4096;

    private readonly string _path;
    private readonly FileStream _stream;

    private LegacyImatrixReader(string path, FileStream stream)
    {
        _path = path;
        _stream = stream;
    }

    private long Remaining => _stream.Length - _stream.Position;

    internal static ImatrixFile Read(string path)
    {
        using FileStream stream = RegularFile.OpenStream(path);
        return new LegacyImatrixReader(path, stream).Read();
    }

    private ImatrixFile Read()
    {
        const int SmallestEntry = 4 * sizeof(int);
        int count = ReadInt32("entry count");
        if (count == 0)
            throw Invalid("entry count", sizeof(int), "it is 0, so the file is empty");
        if (count < 0 || count > Remaining / SmallestEntry)
            throw Invalid("entry count", sizeof(int), $"{count} entries do not fit a file of {_stream.Length} bytes, so this is not an importance matrix");

        List<ImatrixEntry> entries = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            ImatrixEntry entry = ReadEntry(i);
            if (!names.Add(entry.Name))
                throw Invalid($"entry {i}", 0, $"'{entry.Name}' occurs twice");
            entries.Add(entry);
        }

        int chunkCount = Remaining >= sizeof(int) ? ReadInt32("chunk count") : 0;
        string[] datasets = Remaining >= sizeof(int) ? [ReadText("text path")] : [];
        return new ImatrixFile(_path, isLegacy: true, entries, datasets, Math.Max(0, chunkCount), chunkSize: null);
    }

    private ImatrixEntry ReadEntry(int index)
    {
        string name = ReadText($"name of entry {index}");
        int calls = ReadInt32($"calls of '{name}'");
        int length = ReadInt32($"length of '{name}'");
        if (length < 1 || length > Math.Min(Remaining, Array.MaxLength) / sizeof(float))
            throw Invalid($"length of '{name}'", sizeof(int), $"{length} values do not fit in the {Remaining} bytes that are left");
        ValueRegion<float> sums = new(_path, name, _stream.Position, length, IsBigEndian: false);
        _stream.Position += (long)length * sizeof(float);
        return new ImatrixEntry(sums, [calls], isLegacy: true);
    }

    private string ReadText(string field)
    {
        int length = ReadInt32(field);
        if (length < 0 || length > Math.Min(Remaining, MaxNameBytes))
            throw Invalid(field, sizeof(int), $"{length} bytes do not fit in the {Remaining} that are left");
        byte[] bytes = new byte[length];
        _stream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    private int ReadInt32(string field)
    {
        if (Remaining < sizeof(int))
            throw Invalid(field, 0, "the file ends here");
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        _stream.ReadExactly(bytes);
        return BinaryPrimitives.ReadInt32LittleEndian(bytes);
    }

    private ImatrixFormatException Invalid(string field, int back, string problem) => new(_path, field, _stream.Position - back, problem);
}
