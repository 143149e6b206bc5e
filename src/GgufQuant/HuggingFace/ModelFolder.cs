using System.Text;
using System.Text.Json;
using GgufQuant.IO;

namespace GgufQuant.HuggingFace;

/// <summary>A folder in the layout of Hugging Face's hub: config.json, tokenizer files, weights in safetensors.</summary>
internal sealed class ModelFolder : IDisposable
{
    // The largest tokenizer.json on the hub has some 35 MB.
    private const int MaxFileBytes = 128 << 20;
    private const string ConfigName = "config.json";

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<JsonDocument> _documents = [];

    private ModelFolder(string path)
    {
        Path = path;
        Name = System.IO.Path.GetFileName(System.IO.Path.TrimEndingDirectorySeparator(path));
    }

    /// <summary>The folder's full path.</summary>
    public string Path { get; }

    /// <summary>The folder's name.</summary>
    public string Name { get; }

    /// <summary>The model's configuration.</summary>
    public ModelConfig Config { get; private set; } = null!;

    /// <summary>Opens a folder and reads its config.json.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="ModelFolderException">The folder contains no model, or one that cannot be read.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static ModelFolder Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ModelFolder folder = new(System.IO.Path.GetFullPath(path));
        try
        {
            folder.Config = ModelConfig.Read(folder.PathOf(ConfigName), folder.ReadConfig());
            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>The path of one of the folder's files, whether or not it exists.</summary>
    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Whether the folder has a file of that name.</summary>
    public bool Contains(string name) => File.Exists(PathOf(name));

    /// <summary>The names of the files, without subfolders, that match a pattern such as <c>model*.safetensors</c>, in ordinal order.</summary>
    public IReadOnlyList<string> FindFiles(string pattern)
    {
        EnumerationOptions options = new() { MatchType = MatchType.Simple, MatchCasing = MatchCasing.CaseSensitive, AttributesToSkip = FileAttributes.None };
        return [.. Directory.EnumerateFiles(Path, pattern, options).Select(file => System.IO.Path.GetFileName(file)!).Order(StringComparer.Ordinal)];
    }

    /// <summary>Reads a whole file; null if the folder has no file of that name.</summary>
    /// <exception cref="ModelFolderException">The file is a Git LFS pointer.</exception>
    /// <exception cref="IOException">The file is larger than 128 MiB, is not a regular file, or cannot be read.</exception>
    public byte[]? ReadBytes(string name)
    {
        if (!Contains(name))
            return null;
        byte[] bytes = RegularFile.ReadAllBytes(PathOf(name), MaxFileBytes);
        LfsPointer.ThrowIfPointer(PathOf(name), bytes);
        return bytes;
    }

    /// <summary>Reads a UTF-8 text, skipping a byte order mark; null if the folder has no file of that name.</summary>
    /// <exception cref="ModelFolderException">The file is not UTF-8, or see <see cref="ReadBytes"/>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public string? ReadText(string name)
    {
        if (ReadBytes(name) is not { } bytes)
            return null;
        try
        {
            return s_strictUtf8.GetString(bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsSpan(3) : bytes);
        }
        catch (DecoderFallbackException exception)
        {
            throw new ModelFolderException(PathOf(name), $"the file is not valid UTF-8: error at byte {exception.Index}", exception);
        }
    }

    /// <summary>Reads JSON; null if the folder has no file of that name. The result lives as long as the folder is open.</summary>
    /// <exception cref="ModelFolderException">See <see cref="JsonFile.Parse"/> and <see cref="ReadBytes"/>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public JsonElement? ReadJson(string name)
    {
        if (ReadBytes(name) is not { } bytes)
            return null;
        JsonDocument document = JsonFile.Parse(PathOf(name), bytes);
        _documents.Add(document);
        return document.RootElement;
    }

    /// <summary>Frees the parsed JSON.</summary>
    public void Dispose()
    {
        foreach (JsonDocument document in _documents)
            document.Dispose();
        _documents.Clear();
    }

    private JsonElement ReadConfig()
    {
        if (!Directory.Exists(Path))
            throw new ModelFolderException(Path, "the folder does not exist");
        if (Contains("adapter_config.json") && !Contains(ConfigName))
            throw new ModelFolderException(Path, "the folder holds an adapter (LoRA), not a model: merge it into its base model and save the result");
        return ReadJson(ConfigName) ?? throw new ModelFolderException(Path, $"the folder has no {ConfigName}, so it is not a Hugging Face model");
    }
}
