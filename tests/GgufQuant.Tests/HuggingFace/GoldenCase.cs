using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>A folder of golden/, and what llama.cpp's converter makes of it.</summary>
internal sealed class GoldenCase
{
    private readonly string _path;
    private readonly JsonElement _case;

    public GoldenCase(string name)
    {
        Name = name;
        _path = Path.Combine(Root, name);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_path, "case.json")));
        _case = document.RootElement.Clone();
    }

    public static string Root => Repository.PathOf("tests", "GgufQuant.Tests", "HuggingFace", "golden");

    public static IEnumerable<string> Names => Directory.EnumerateDirectories(Root).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal);

    public string Name { get; }

    public string Input => Path.Combine(_path, "in");

    /// <summary>The labels of the results that are whole models, each an outtype or a name for one with options.</summary>
    public IEnumerable<string> Labels => _case.GetProperty("outtypes").EnumerateArray().Select(type => type.GetString()!)
        .Concat(_case.GetProperty("extra").EnumerateObject().Select(extra => extra.Name));

    public string DefaultName => _case.GetProperty("default_name")[0].GetString()!;

    /// <summary>Copies the input to a folder of the name it was converted under.</summary>
    public string CopyTo(string folder)
    {
        string copy = Path.Combine(folder, Text("folder") ?? Name);
        foreach (string file in Directory.EnumerateFiles(Input, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(copy, Path.GetRelativePath(Input, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        return copy;
    }

    /// <summary>How the result of a label is made.</summary>
    public (ConversionOptions Options, GgufSplitOptions? Split) OptionsOf(string label)
    {
        string[] words = _case.GetProperty("extra").TryGetProperty(label, out JsonElement extra) ? [.. extra.EnumerateArray().Select(word => word.GetString()!)] : [label];
        string? ValueOf(string option) => Array.IndexOf(words, option) is >= 0 and int at ? words[at + 1] : null;
        ConversionOptions options = new()
        {
            Type = Enum.Parse<ConversionType>(words[0], ignoreCase: true),
            PreTokenizer = Text("pre"),
            VocabularyOnly = words.Contains("--vocab-only"),
            Fp8AsQ8 = words.Contains("--fp8-as-q8"),
            // The golden files were made without transformers.
            UsesDefaults = false,
        };
        long? bytes = ValueOf("--split-max-size") is { } size ? long.Parse(size.TrimEnd('K'), CultureInfo.InvariantCulture) * 1000 : null;
        string? tensors = ValueOf("--split-max-tensors");
        return (options, bytes is null && tensors is null ? null : new GgufSplitOptions
        {
            MaxBytes = bytes,
            MaxTensors = int.Parse(tensors ?? "1", CultureInfo.InvariantCulture),
            MetadataAlone = words.Contains("--no-tensor-first-split"),
        });
    }

    /// <summary>The lines that say what a file is to be: its hash, then one per key and per tensor.</summary>
    public string[] Expected(string file) => File.ReadAllLines(Path.Combine(_path, "out", $"{file}.txt"));

    /// <summary>The same lines of a file that was written.</summary>
    public static string[] Describe(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        List<string> lines = [$"sha256 {Convert.ToHexStringLower(SHA256.HashData(bytes))} {bytes.Length}"];
        using GgufFile file = GgufFile.OpenShard(path);
        lines.AddRange(file.Metadata.Select(entry => $"key {entry.Key} {(int)entry.Type} {Digest(entry.GetEncodedValue().Span)}"));
        foreach (GgufTensor tensor in file.Tensors)
        {
            string type = tensor.Type.ToString();
            ReadOnlySpan<byte> data = bytes.AsSpan((int)tensor.FileOffset, (int)tensor.ByteCount);
            lines.Add($"tensor {tensor.Name} {type} [{string.Join(", ", tensor.Shape)}] {tensor.Offset} {Digest(data)}");
        }
        return [.. lines];
    }

    private static string Digest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes))[..16];

    private string? Text(string property) => _case.GetProperty(property) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;
}
