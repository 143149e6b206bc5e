using System.Diagnostics;
using System.Text.Json;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace.Architectures;
using GgufQuant.HuggingFace.Metadata;
using GgufQuant.HuggingFace.Quantized;
using GgufQuant.HuggingFace.Safetensors;
using GgufQuant.HuggingFace.Tensors;
using GgufQuant.HuggingFace.Vocabulary;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.HuggingFace;

/// <summary>A Hugging Face model, presented as the GGUF file that llama.cpp's converter would write.</summary>
/// <remarks>
/// convert_hf_to_gguf of 2026-08-21. The header is in memory, and tensor data is converted when it is read, so that
/// any code that reads GGUF files can read a folder.
/// </remarks>
public sealed class HuggingFaceModel : IDisposable
{
    private const uint QuantizationVersion = 2;
    private const int ShownNames = 8;
    private const int MaxMetadataBytes = 16 << 20;

    private HuggingFaceModel(GgufFile file, FileType type, string defaultName, List<string> warnings)
    {
        File = file;
        Type = type;
        DefaultName = defaultName;
        Warnings = warnings;
    }

    /// <summary>The model as a GGUF file; closing it closes the model.</summary>
    public GgufFile File { get; }

    /// <summary>The type that its weights are converted to.</summary>
    public FileType Type { get; }

    /// <summary>The file name that the converter would choose.</summary>
    public string DefaultName { get; }

    /// <summary>Warnings about what is left out or looks odd.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Values that config.json lacks and that were filled in from transformers' defaults, as <c>key = value</c>.</summary>
    public IReadOnlyList<string> Defaults { get; private init; } = [];

    /// <summary>
    /// What is wrong with the vocabulary that <see cref="OpenTolerant"/> left out, in whole or in part, so that the model cannot be written:
    /// a <see cref="ModelFolderException"/> or an <see cref="UnknownPreTokenizerException"/>; null if nothing is.
    /// </summary>
    public Exception? VocabularyFault => File.Gap;

    /// <summary>Whether a path is a folder with a config.json.</summary>
    public static bool IsModelFolder(string path) => Directory.Exists(path) && System.IO.File.Exists(Path.Combine(path, "config.json"));

    /// <summary>Opens a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How it is converted; null for the defaults.</param>
    /// <exception cref="ModelFolderException">The folder does not hold a model that can be converted; the message says why and what to do.</exception>
    /// <exception cref="UnknownPreTokenizerException">llama.cpp does not know the pre-tokenizer, and the options do not name one.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static HuggingFaceModel Open(string path, ConversionOptions? options = null) => Open(path, options, isTolerant: false);

    /// <summary>
    /// Opens a folder like <see cref="Open(string, ConversionOptions?)"/>, but leaves out a pre-tokenizer that llama.cpp does not know and a vocabulary that cannot
    /// be converted: <see cref="VocabularyFault"/> says what is wrong. Such a model can be shown, planned and compared, but not written.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How it is converted; null for the defaults.</param>
    /// <exception cref="ModelFolderException">Something else than the vocabulary is wrong, or the weights depend on the vocabulary.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static HuggingFaceModel OpenTolerant(string path, ConversionOptions? options = null) => Open(path, options, isTolerant: true);

    private static HuggingFaceModel Open(string path, ConversionOptions? options, bool isTolerant)
    {
        ModelFolder folder = ModelFolder.Open(path);
        try
        {
            return Open(folder, options ?? new(), isTolerant);
        }
        catch (Exception exception)
        {
            folder.Dispose();
            // Recipes compute with numbers from config.json, which is untrusted.
            if (exception is ArithmeticException or IndexOutOfRangeException)
                throw new ModelFolderException(folder.PathOf("config.json"), "its numbers contradict each other or the shapes of the tensors", exception);
            throw;
        }
    }

    /// <summary>The files that <see cref="Write"/> writes.</summary>
    /// <param name="split">How the model is split, by bytes without padding; null for one file.</param>
    /// <exception cref="ArgumentException">There would be too many shards.</exception>
    public ShardLayout LayOut(GgufSplitOptions? split = null) => ConversionWriter.LayOut(File, split);

    /// <summary>Writes the GGUF file. It is renamed to its final name once it is complete.</summary>
    /// <param name="destination">The file; shards get its name with their numbers.</param>
    /// <param name="layout">The files from <see cref="LayOut"/>, or some of them; null for one file.</param>
    /// <param name="overwrite">Whether existing files may be replaced.</param>
    /// <param name="threads">Threads at most; 0 for one per core.</param>
    /// <param name="progress">Receives progress, from any thread.</param>
    /// <param name="token">Cancels it; nothing is left behind.</param>
    /// <exception cref="ModelFolderException">The vocabulary could not be read, or a file has changed since it was opened.</exception>
    /// <exception cref="UnknownPreTokenizerException">llama.cpp does not know the pre-tokenizer.</exception>
    /// <exception cref="IOException">A file already exists, or cannot be read or written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public WrittenFile Write(
        string destination, ShardLayout? layout = null, bool overwrite = false, int threads = 0,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(destination);
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (VocabularyFault is not null)
            throw VocabularyFault;
        long start = Stopwatch.GetTimestamp();
        layout ??= LayOut();
        ConversionWriter writer = new(File, layout);
        writer.Write(destination, overwrite, threads == 0 ? Environment.ProcessorCount : threads, progress, token);
        return Describe(destination, layout, Stopwatch.GetElapsedTime(start));
    }

    /// <summary>What the files of a layout are, once they are written.</summary>
    /// <param name="destination">The file; shards get its name with their numbers.</param>
    /// <param name="layout">The files from <see cref="LayOut"/>, or some of them.</param>
    /// <param name="duration">How long writing took.</param>
    public WrittenFile Describe(string destination, ShardLayout layout, TimeSpan duration)
    {
        ArgumentNullException.ThrowIfNull(layout);
        GgufTensor[] tensors = [.. layout.Files.SelectMany(file => file.Tensors)];
        long weights = tensors.Sum(tensor => tensor.ElementCount);
        long bytes = tensors.Sum(tensor => tensor.ByteCount);
        return new WrittenFile(
            layout.PathsAt(destination)[0], File.Path, Type, layout.Length, layout.IsPart ? tensors.Sum(File.SourceBytesOf) : File.Length, weights, weights == 0 ? 0 : 8.0 * bytes / weights,
            TypeShare.Of(tensors.Select(tensor => (tensor.Type, tensor.ElementCount))), duration);
    }

    /// <summary>Closes the files.</summary>
    public void Dispose() => File.Dispose();

    private static HuggingFaceModel Open(ModelFolder folder, ConversionOptions options, bool isTolerant)
    {
        List<string> warnings = [];
        Architecture architecture = ArchitectureTable.Find(folder.Config) ?? throw Unknown(folder.Config);
        List<string> defaults = [];
        ModelConfig filled = options.UsesDefaults && !architecture.TakesConfigAsItIs ? ConfigDefaults.Fill(folder.Config, defaults) : folder.Config;
        ModelConfig config = architecture.Prepare(filled);
        QuantizedSource.Check(folder, keepsMxFp4: architecture.Name == "gpt-oss");
        JsonElement? overrides = ReadOverrides(options);
        VocabularyOptions how = new() { PreTokenizer = options.PreTokenizer, Config = filled, IsTolerant = isTolerant };
        VocabularyKeys vocabulary = new VocabularyReader(folder, how).Read(architecture.Vocabulary);
        warnings.AddRange(vocabulary.Warnings);

        WeightFiles files = WeightFiles.Open(folder);
        try
        {
            List<SourceTensor> tensors = TensorSelection.Select(files, architecture, config, warnings);
            FileType type = ConversionOptions.FileTypeOf(options.Type) ?? Detect(tensors);
            bool isNvFp4 = NvFp4Source.IsIn(folder);
            bool isMxFp4 = QuantizedSource.MethodOf(folder) == "mxfp4";
            ConversionContext context = new(folder, architecture, config, vocabulary.TokenCount)
            {
                FileType = type is not (FileType.F32 or FileType.F16 or FileType.BF16) ? type : isNvFp4 ? FileType.NVFP4 : isMxFp4 ? FileType.MXFP4_MOE : type,
                ExtraBlocks = architecture.ExtraBlocks(config, tensors.Select(tensor => tensor.Name)),
                FindToken = vocabulary.Find,
            };
            List<SourceTensor> converted = options.VocabularyOnly ? [] : Convert(context, tensors, isNvFp4);
            CheckEmbeddings(context, converted);

            SizeLabel size = SizeLabel.Of(converted.Select(tensor => (tensor.Name, tensor.Values.Shape)));
            GeneralKeys general = new(folder, overrides, options.ModelName, size, warnings);
            KeyWriter keys = new(context);
            WriteKeys(keys, general, vocabulary);
            GgufWriter layout = new(keys.Entries, converted.Select(tensor => new GgufTensorInfo(
                tensor.Name, TensorTypes.Choose(tensor, type, options.Fp8AsQ8), [.. tensor.Values.Shape.Reverse()])), keepsTrailingOnes: true);
            Dictionary<string, TensorValues> values = converted.ToDictionary(tensor => tensor.Name, tensor => tensor.Values, StringComparer.Ordinal);
            GgufFile file = GgufFile.Of(folder.Path, layout, files.Files.Sum(part => part.Length), new ConvertedTensors(folder, files, values), vocabulary.Fault);
            warnings.AddRange(context.Warnings);
            string name = $"{general.FileName(options.VocabularyOnly ? null : $"{context.FileType}")}.gguf";
            return new HuggingFaceModel(file, context.FileType, name, warnings) { Defaults = defaults };
        }
        catch (Exception exception)
        {
            files.Dispose();
            if (exception is ArgumentException)
                throw new ModelFolderException(folder.Path, exception.Message.TrimEnd('.'), exception);
            throw;
        }
    }

    private static void WriteKeys(KeyWriter keys, GeneralKeys general, VocabularyKeys vocabulary)
    {
        keys.AddGeneral(GgufKeys.Architecture, keys.Context.Architecture.Name);
        foreach (GgufEntry entry in keys.Context.TensorKeys)
            keys.Add(entry);
        keys.AddGeneral(GgufKeys.Kind, "model");
        general.Write(keys);
        foreach (KeyRule rule in keys.Context.Architecture.Keys)
            rule(keys);
        keys.AddGeneral(GgufKeys.QuantizationVersion, QuantizationVersion);
        foreach (GgufEntry entry in vocabulary.Entries)
            keys.Add(entry);
    }

    private static JsonElement? ReadOverrides(ConversionOptions options)
    {
        if (options.MetadataPath is not { } path)
            return null;
        using JsonDocument document = JsonFile.Parse(path, RegularFile.ReadAllBytes(path, MaxMetadataBytes));
        return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : throw new ModelFolderException(path, "the file is not a JSON object of metadata");
    }

    private static FileType Detect(List<SourceTensor> tensors)
    {
        foreach (SourceTensor tensor in tensors)
        {
            if (tensor.Values.Shape.Length >= 2 && tensor.Values.Type is GgmlType.BF16 or GgmlType.F16)
                return tensor.Values.Type == GgmlType.BF16 ? FileType.BF16 : FileType.F16;
        }
        return FileType.F16;
    }

    private static List<SourceTensor> Convert(ConversionContext context, List<SourceTensor> tensors, bool isNvFp4)
    {
        TensorNameMap names = new(context.Architecture.Tensors, context.BlockCount);
        List<SourceTensor> converted = [];
        if (isNvFp4)
            (converted, tensors) = NvFp4Source.Take(context, names, tensors);
        tensors = QuantizedSource.Dequantize(context.Folder, tensors);
        converted.AddRange(context.Architecture.Extra(context, tensors));
        List<string> unknown = [];
        foreach (SourceTensor tensor in tensors)
        {
            IEnumerable<SourceTensor> results = [tensor];
            foreach (TensorRule rule in context.Architecture.Rules)
                results = [.. results.SelectMany(result => rule(context, result))];
            foreach (SourceTensor result in results)
            {
                if ((result.HasGgufName ? result.Name : names.Find(result.Name)) is { } name)
                    converted.Add(result with { Name = name });
                else
                    unknown.Add(result.Name);
            }
        }
        if (unknown.Count > 0)
            throw Unmapped(context, unknown, names);
        context.CheckCollected();
        return converted;
    }

    private static ModelFolderException Unmapped(ConversionContext context, List<string> unknown, TensorNameMap names)
    {
        string shown = string.Join(", ", unknown.Take(ShownNames).Select(name => $"'{name}'")) + (unknown.Count > ShownNames ? $" and {unknown.Count - ShownNames} more" : "");
        string nearest = NearestName.Find(names.Normalize(unknown[0]), names.KnownNames) is { } known ? $"; the known name closest to the first is '{known}'" : "";
        string quantization = QuantizedSource.MethodOf(context.Folder) is { } method ? $" (the model is quantized with '{method}')" : "";
        return new ModelFolderException(context.Folder.Path, $"the architecture '{context.Architecture.Name}' has no tensors {shown}{nearest}{quantization}");
    }

    private static ModelFolderException Unknown(ModelConfig config)
    {
        string nearest = NearestName.Find(config.Architecture, ArchitectureTable.Classes) is { } known ? $"; the closest that can is '{known}'" : "";
        return new ModelFolderException(config.Path, $"models of the class '{config.Architecture}' cannot be converted{nearest}");
    }

    private static void CheckEmbeddings(ConversionContext context, List<SourceTensor> tensors)
    {
        if (tensors.Find(tensor => tensor.Name == "token_embd.weight") is not { Values.Shape: [var rows, var columns] })
            return;
        if (rows < context.TokenCount)
            throw new ModelFolderException(context.Folder.Path, $"the vocabulary has {context.TokenCount} tokens, but the embeddings have {rows} rows: config.json or the tokenizer belongs to another model");
        if (context.Config.FindInt64("hidden_size", "n_embd", "dim", "d_model") is { } length && length != columns)
            throw new ModelFolderException(context.Config.Path, $"the embedding length is {length} in config.json, but {columns} in the tensors");
    }
}
