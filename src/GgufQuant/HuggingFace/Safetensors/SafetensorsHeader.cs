using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace GgufQuant.HuggingFace.Safetensors;

/// <summary>Reads a safetensors header and makes all the checks of the safetensors library.</summary>
/// <remarks>
/// safetensors' <c>SafeTensors::read_metadata</c> and <c>Metadata::validate</c>: tensors cover the data without gaps or
/// overlaps, and the data ends with the file. Duplicate names, which that library accepts, are errors too.
/// </remarks>
internal ref struct SafetensorsHeader(SafetensorsFile file, byte[] header)
{
    private const string MetadataName = "__metadata__";

    // PyTorch's tensors have at most 64 dimensions.
    private const int MaxNumbers = 64;

    private Utf8JsonReader _json = new(header, new JsonReaderOptions { MaxDepth = 4 });
    private string _field = "header";

    private readonly long Offset => SafetensorsFile.LengthBytes + _json.TokenStartIndex;

    /// <summary>The tensors in the order of their data.</summary>
    /// <exception cref="ModelFolderException">The header is not valid.</exception>
    public IReadOnlyList<SafetensorsTensor> Read()
    {
        try
        {
            List<SafetensorsTensor> tensors = ReadEntries();
            tensors.Sort((left, right) => (left.FileOffset, left.ByteCount).CompareTo((right.FileOffset, right.ByteCount)));
            CheckCoverage(tensors);
            return tensors;
        }
        catch (JsonException exception)
        {
            throw new ModelFolderException(
                file.Path, _field, SafetensorsFile.LengthBytes + _json.BytesConsumed, $"it is not valid JSON ({FirstSentence(exception.Message)})");
        }
        catch (InvalidOperationException)
        {
            // The reader finds invalid UTF-8 only when asked for a string.
            throw new ModelFolderException(file.Path, _field, Offset, "a string is not valid UTF-8");
        }
    }

    private static string FirstSentence(string message) => message.Split(". ")[0].TrimEnd('.');

    private List<SafetensorsTensor> ReadEntries()
    {
        if (header.Length == 0 || header[0] != '{')
            Fail("it does not start with '{', so this is not a safetensors file");
        List<SafetensorsTensor> tensors = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        _json.Read();
        while (Next() == JsonTokenType.PropertyName)
        {
            string name = _json.GetString()!;
            _field = name == MetadataName ? MetadataName : $"tensor '{Shortened(name)}'";
            if (!names.Add(name))
                Fail("the name occurs twice");
            if (name == MetadataName)
                SkipMetadata();
            else
                tensors.Add(ReadTensor(name));
        }
        _field = "header";
        while (_json.Read())
            Fail("more data follows its end");
        return tensors;
    }

    private void SkipMetadata()
    {
        Expect(JsonTokenType.StartObject, "an object");
        while (Next() == JsonTokenType.PropertyName)
        {
            if (Next() != JsonTokenType.String)
                Fail("its values must be strings");
        }
    }

    private SafetensorsTensor ReadTensor(string name)
    {
        SafetensorsType? type = null;
        ImmutableArray<long>? shape = null;
        ImmutableArray<long>? offsets = null;
        Expect(JsonTokenType.StartObject, "an object");
        long entry = Offset;
        while (Next() == JsonTokenType.PropertyName)
        {
            string property = _json.GetString()!;
            bool isGiven = property switch
            {
                "dtype" => type is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => Fail<bool>($"'{Shortened(property)}' is not a property of a tensor"),
            };
            if (isGiven)
                Fail($"'{property}' is given twice");
            if (property == "dtype")
                type = ReadType();
            else if (property == "shape")
                shape = ReadNumbers(property);
            else
                offsets = ReadNumbers(property);
        }
        if (type is null || shape is not { } dimensions || offsets is not [long begin, long end])
            throw new ModelFolderException(file.Path, _field, entry, "it needs 'dtype', 'shape' and 'data_offsets' of two numbers");
        return Checked(name, type, dimensions, begin, end, entry);
    }

    private SafetensorsTensor Checked(string name, SafetensorsType type, ImmutableArray<long> shape, long begin, long end, long entry)
    {
        long dataBytes = file.Length - SafetensorsFile.LengthBytes - header.Length;
        if (begin > end || end > dataBytes)
        {
            throw new ModelFolderException(
                file.Path, $"{_field} data_offsets", entry,
                $"[{begin}, {end}] is not within the {dataBytes} bytes of data, so the file is truncated or damaged: download it again");
        }
        UInt128 bits = (uint)type.Bits;
        foreach (long dimension in shape)
        {
            bits *= (ulong)dimension;
            if (bits > long.MaxValue)
                break;
        }
        if (shape.Contains(0))
            bits = 0;
        if (bits != (UInt128)(end - begin) * 8)
        {
            throw new ModelFolderException(
                file.Path, $"{_field} shape", entry, $"[{string.Join(", ", shape)}] of {type} does not take the {end - begin} bytes given by 'data_offsets'");
        }
        return new SafetensorsTensor(file, name, type, shape, SafetensorsFile.LengthBytes + header.Length + begin, end - begin);
    }

    private readonly void CheckCoverage(List<SafetensorsTensor> tensors)
    {
        long data = SafetensorsFile.LengthBytes + header.Length;
        long position = data;
        foreach (SafetensorsTensor tensor in tensors)
        {
            if (tensor.FileOffset != position)
            {
                throw new ModelFolderException(
                    file.Path, $"tensor '{Shortened(tensor.Name)}' data_offsets", tensor.FileOffset,
                    $"it starts at {tensor.FileOffset - data}, but the tensor before it ends at {position - data}");
            }
            position += tensor.ByteCount;
        }
        if (position != file.Length)
            throw new ModelFolderException(file.Path, "data", position, $"{file.Length - position} bytes follow the last tensor");
    }

    private SafetensorsType ReadType()
    {
        Expect(JsonTokenType.String, "a string");
        string name = _json.GetString()!;
        return SafetensorsType.Find(name) ?? Fail<SafetensorsType>($"the type '{Shortened(name)}' is not one of the safetensors format");
    }

    private ImmutableArray<long> ReadNumbers(string property)
    {
        Expect(JsonTokenType.StartArray, "an array");
        ImmutableArray<long>.Builder numbers = ImmutableArray.CreateBuilder<long>();
        while (Next() != JsonTokenType.EndArray)
        {
            if (_json.TokenType != JsonTokenType.Number || !_json.TryGetInt64(out long number) || number < 0)
                Fail($"'{property}' must contain non-negative whole numbers");
            else if (numbers.Count == MaxNumbers)
                Fail($"'{property}' has more than {MaxNumbers} numbers");
            else
                numbers.Add(number);
        }
        return numbers.ToImmutable();
    }

    private JsonTokenType Next()
    {
        if (!_json.Read())
            Fail("it ends early");
        return _json.TokenType;
    }

    private void Expect(JsonTokenType token, string what)
    {
        if (Next() != token)
            Fail($"{what} is expected");
    }

    private static string Shortened(string name) => name.Length <= 100 ? name : $"{name[..100]}…";

    [DoesNotReturn]
    private readonly void Fail(string problem) => throw new ModelFolderException(file.Path, _field, Offset, problem);

    [DoesNotReturn]
    private readonly T Fail<T>(string problem) => throw new ModelFolderException(file.Path, _field, Offset, problem);
}
