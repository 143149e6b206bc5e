using GgufQuant.Evaluation.Engines;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>What a model file is, from its header alone.</summary>
public sealed class GgufInfo
{
    private readonly ModelInfo _model;
    private readonly MeasuredMemory? _measured;

    internal GgufInfo(ModelInfo model, MeasuredMemory? measured = null)
    {
        _model = model;
        _measured = measured;
        Shares = TensorTypeShare.Of(model.Shares);
    }

    /// <summary>The full path, of the first shard if the model is split.</summary>
    public string Path => _model.Path;

    /// <summary>What the file holds: Model, ImportanceMatrix, Projector, Adapter or ControlVector.</summary>
    public string Kind => _model.Kind.ToString();

    /// <summary>The model's name; the file's where the model has none.</summary>
    public string Name => _model.Name;

    /// <summary>The architecture's name, such as <c>llama</c>.</summary>
    public string Architecture => _model.Architecture;

    /// <summary>The file type's name: <c>Q4_K_M</c>; null if the file names none and its tensors suggest none.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>The file type; null if the file names none and its tensors suggest none.</summary>
    public FileType? FileType => _model.Type;

    /// <summary>The name of the file type; the average size of the weights if they have no such type: <c>mixed, 3.04 bits</c>.</summary>
    public string TypeLabel => _model.TypeLabel;

    /// <summary>Weights in all tensors.</summary>
    public long WeightCount => _model.Parameters;

    /// <summary>Bytes of all shards together.</summary>
    public long Size => _model.Size;

    /// <summary>Bytes of the tensors alone.</summary>
    public long TensorSize => _model.TensorBytes;

    /// <summary>Average bits per weight, excluding header and padding.</summary>
    public double BitsPerWeight => _model.BitsPerWeight;

    /// <summary>Tokens of context the model was trained for.</summary>
    public long? ContextLength => _model.ContextLength;

    /// <summary>Layers.</summary>
    public int Layers => _model.Layers;

    /// <summary>Query heads of a layer, the most where they differ.</summary>
    public long Heads => _model.Heads;

    /// <summary>Key-value heads of a layer, the most where they differ.</summary>
    public long KeyValueHeads => _model.KeyValueHeads;

    /// <summary>Width of the embeddings.</summary>
    public long EmbeddingLength => _model.EmbeddingLength;

    /// <summary>Tokens in the vocabulary.</summary>
    public long Vocabulary => _model.Vocabulary;

    /// <summary>Experts of a layer; 0 for a dense model.</summary>
    public long Experts => _model.Experts;

    /// <summary>Experts used per token.</summary>
    public long ExpertsUsed => _model.Shape.ExpertsUsed;

    /// <summary>Files the model is split into; 1 if it is not.</summary>
    public int Shards => _model.Shards;

    /// <summary>Tensors in the model.</summary>
    public int Tensors => _model.Tensors;

    /// <summary>The version of the GGUF format.</summary>
    public int Version => _model.Version;

    /// <summary>Whether numbers in the file start with their most significant byte.</summary>
    public bool IsBigEndian => _model.IsBigEndian;

    /// <summary>The types in the file with their shares of the weights, the largest first.</summary>
    public ValueList<TensorTypeShare> Shares { get; }

    /// <summary>Bytes of memory to run the model, estimated: tensors, cache, recurrent states and buffers.</summary>
    public long Memory => _model.Memory;

    /// <summary>Bytes of that memory for weights: those of the tensors, and of a copy of the embeddings where the card needs one.</summary>
    public long WeightSize => _model.MemoryEstimate.Weights;

    /// <summary>Bytes of that memory for the key-value cache.</summary>
    public long CacheSize => _model.MemoryEstimate.Cache;

    /// <summary>Bytes of that memory for recurrent states.</summary>
    public long StateSize => _model.MemoryEstimate.State;

    /// <summary>Bytes of that memory for intermediate results.</summary>
    public long ComputeSize => _model.MemoryEstimate.Compute;

    /// <summary>The layers that fit on the graphics card, from the last, the output being the first of them; null where no card was given.</summary>
    public int? GpuLayers => _model.MemoryEstimate.Placement?.GpuLayers;

    /// <summary>The layers, from the first, whose experts stay on the host though the rest is on the card; null where no card was given.</summary>
    public int? CpuMoeLayers => _model.MemoryEstimate.Placement?.CpuMoeLayers;

    /// <summary>Bytes of that memory on the card; null where none was given.</summary>
    public long? GpuMemory => _model.MemoryEstimate.Placement?.Gpu.Total;

    /// <summary>Bytes of that memory on the host; null where no card was given.</summary>
    public long? HostMemory => _model.MemoryEstimate.Placement?.Host.Total;

    /// <summary>The arguments with which llama.cpp's programs divide the model so; null where no card was given.</summary>
    public string? GpuArguments => _model.MemoryEstimate.Placement?.Arguments;

    /// <summary>What the estimate of the memory assumes, one sentence each.</summary>
    public ValueList<string> MemoryAssumptions => new(_model.MemoryEstimate.Assumptions, " ");

    /// <summary>Bytes of memory that an engine's library would take on the processor; null without -Measure.</summary>
    public long? MeasuredMemory => _measured?.Total;

    /// <summary>All metadata by key; null without -Metadata.</summary>
    public OrderedDictionary<string, object>? Metadata => _model.Metadata;

    /// <summary>What the memory is needed for, and what the estimate assumes.</summary>
    public MemoryEstimate GetMemoryEstimate() => _model.MemoryEstimate;

    /// <summary>What an engine's library would take that memory for; null without -Measure.</summary>
    public MeasuredMemory? GetMeasuredMemory() => _measured;

    /// <summary>All dimensions of the model.</summary>
    public ModelShape GetShape() => _model.Shape;

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}
