using System.Globalization;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>Information about a model file, read from its header.</summary>
public sealed record ModelInfo
{
    private ModelInfo(GgufFile file, MemoryOptions? memory)
    {
        GgufMetadata metadata = file.Metadata;
        Path = file.Path;
        Kind = ModelKinds.Of(metadata);
        Name = metadata.TryGetString(GgufKeys.Name, out string? name) ? name : QuantName.WithoutQuantization(file.Path);
        Shape = ModelShape.Read(file);
        Parameters = file.Tensors.Sum(tensor => tensor.ElementCount);
        TensorBytes = file.Tensors.Sum(tensor => tensor.ByteCount);
        Size = file.Length;
        Shards = file.Shards.Count;
        Tensors = file.Tensors.Count;
        Version = (int)file.Version;
        IsBigEndian = file.IsBigEndian;
        Shares = TypeShare.Of(file.Tensors.Select(tensor => (tensor.Type, tensor.ElementCount)));
        Type = TypeOf(metadata, Shares);
        MemoryEstimate = MemoryEstimate.Of(ModelWeights.Of(file, Shape), Shape, memory);
    }

    /// <summary>The full path; that of the first shard if the model is split.</summary>
    public string Path { get; }

    /// <summary>What the file contains: a model, or something that belongs to one.</summary>
    public ModelKind Kind { get; }

    /// <summary>The model's name; the file's if the model has none.</summary>
    public string Name { get; }

    /// <summary>The architecture's name, such as <c>llama</c>.</summary>
    public string Architecture => Shape.Architecture;

    /// <summary>The number of weights in all tensors.</summary>
    public long Parameters { get; }

    /// <summary>The file type; null if the file names none and its tensors suggest none, or if they contradict it.</summary>
    public FileType? Type { get; }

    /// <summary>The name of the file type; without one, the average bits per weight: <c>mixed, 3.04 bits</c>.</summary>
    public string TypeLabel => Type?.ToString() ?? string.Create(CultureInfo.InvariantCulture, $"mixed, {BitsPerWeight:0.00} bits");

    /// <summary>Total bytes of all shards.</summary>
    public long Size { get; }

    /// <summary>Bytes of the tensors.</summary>
    public long TensorBytes { get; }

    /// <summary>Average bits per weight, excluding header and padding.</summary>
    public double BitsPerWeight => Parameters == 0 ? 0 : 8.0 * TensorBytes / Parameters;

    /// <summary>The context that the model was trained for, in tokens.</summary>
    public long? ContextLength => Shape.ContextLength;

    /// <summary>The number of layers.</summary>
    public int Layers => Shape.Layers;

    /// <summary>Query heads per layer; the maximum if they differ.</summary>
    public long Heads => Shape.Heads;

    /// <summary>Key-value heads per layer; the maximum if they differ.</summary>
    public long KeyValueHeads => Shape.KeyValueHeads.DefaultIfEmpty().Max();

    /// <summary>Width of the embeddings.</summary>
    public long EmbeddingLength => Shape.EmbeddingLength;

    /// <summary>The number of tokens in the vocabulary.</summary>
    public long Vocabulary => Shape.VocabularySize;

    /// <summary>Experts per layer; 0 for a dense model.</summary>
    public long Experts => Shape.Experts;

    /// <summary>The number of files that the model is split into; 1 if it is not split.</summary>
    public int Shards { get; }

    /// <summary>The number of tensors.</summary>
    public int Tensors { get; }

    /// <summary>The version of the GGUF format.</summary>
    public int Version { get; }

    /// <summary>Whether the file is big-endian.</summary>
    public bool IsBigEndian { get; }

    /// <summary>The types in the file with their shares of the weights, largest first.</summary>
    public IReadOnlyList<TypeShare> Shares { get; }

    /// <summary>All dimensions of the model.</summary>
    public ModelShape Shape { get; }

    /// <summary>The estimated memory to run the model.</summary>
    public long Memory => MemoryEstimate.Total;

    /// <summary>All metadata by key; null unless it was requested.</summary>
    public OrderedDictionary<string, object>? Metadata { get; init; }

    /// <summary>What the memory is used for, and the assumptions of the estimate.</summary>
    public MemoryEstimate MemoryEstimate { get; }

    /// <summary>Reads the information in a header.</summary>
    /// <param name="file">The model.</param>
    /// <param name="memory">How the model is run, to estimate memory for; null for the defaults.</param>
    public static ModelInfo Read(GgufFile file, MemoryOptions? memory = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        return new(file, memory);
    }

    /// <summary>The file type that a file names, or else the one that its weights suggest; null if there is neither.</summary>
    internal static FileType? TypeOf(GgufMetadata metadata, IReadOnlyList<TypeShare> shares)
    {
        if (!metadata.TryGetUInt64(GgufKeys.FileType, out ulong number) || !GuessedFileType.TryRead(number, out FileType type, out bool isGuessed))
            return GuessedType(shares);
        // llama.cpp's guess counts tensors, most of which may contain only few of the weights.
        bool isBorneOut = shares.Count > 0 && shares[0].Type == QuantCatalog.Of(type).BaseType;
        if (isGuessed && !isBorneOut)
            return GuessedType(shares);
        return IsContradicted(type, shares) ? null : type;
    }

    // llama.cpp gives some tensors more bits than the file type's base type, but hardly any fewer.
    private static bool IsContradicted(FileType type, IReadOnlyList<TypeShare> shares)
    {
        const double Least = 0.9;
        GgmlType baseType = QuantCatalog.Of(type).BaseType;
        double bits = 8.0 * shares.Sum(share => share.Bytes) / Math.Max(1, shares.Sum(share => share.Weights));
        return shares.Count > 0 && shares[0].Type != baseType && bits < Least * BlockFormat.Of(baseType).BitsPerWeight;
    }

    private static FileType? GuessedType(IReadOnlyList<TypeShare> shares)
    {
        if (shares.Count == 0)
            return null;
        List<QuantType> candidates = [.. QuantCatalog.All.Where(type => type.BaseType == shares[0].Type)];
        return candidates.Count == 1 ? candidates[0].Type : null;
    }

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}
