using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Advice;

/// <summary>A model and the memory it is to fit into.</summary>
internal sealed class AdviceRequest
{
    private readonly GgufFile _file;
    private readonly long _header;
    private readonly bool _isUnquantized;
    private readonly bool _isForCard;
    private readonly long _available;
    private readonly long _reserve;

    /// <summary>Reads the model's dimensions.</summary>
    /// <param name="file">The model.</param>
    /// <param name="budget">Bytes of memory available, beside that of a graphics card; null to fit all layers on the card.</param>
    /// <param name="reserve">Bytes that should stay free; null for the default.</param>
    /// <param name="memory">How the model is run, with the card's memory.</param>
    public AdviceRequest(GgufFile file, long? budget, long? reserve, MemoryOptions memory)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (budget is { } bytes)
            ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1, nameof(budget));
        _file = file;
        _isForCard = budget is null;
        _available = budget ?? memory.GpuMemory ?? throw new ArgumentNullException(nameof(budget), "There is neither memory nor a card's.");
        _reserve = reserve ?? (_isForCard ? GpuPlacement.DefaultReserve(_available) : (long)(QuantAdvice.DefaultReserve * _available));
        _header = file.CompleteLength - file.Tensors.Sum(tensor => tensor.ByteCount);
        _isUnquantized = file.Tensors.All(tensor => !BlockFormat.Of(tensor.Type).IsQuantized);
        Shape = ModelShape.Read(file);
    }

    /// <summary>The model's dimensions.</summary>
    public ModelShape Shape { get; }

    /// <summary>The types that suit the model and for which there is evidence, including an unquantized model's own type.</summary>
    /// <param name="withImportanceMatrix">Whether there will be an importance matrix: without one, types that need it are left out.</param>
    /// <param name="measured">Mean KL divergences measured on this model, by type; null for none.</param>
    public IEnumerable<AdviceCandidate> Candidates(bool withImportanceMatrix, IReadOnlyDictionary<FileType, double>? measured)
    {
        FileType? own = _isUnquantized ? ModelInfo.TypeOf(_file.Metadata, TypeShare.Of(_file.Tensors.Select(tensor => (tensor.Type, tensor.ElementCount)))) : null;
        foreach ((FileType number, ExpectedQuality quality) in ExpectedQuality.OfTypes(withImportanceMatrix, measured, own))
        {
            QuantType type = QuantCatalog.Of(number);
            if ((!withImportanceMatrix && type.Imatrix == ImatrixAdvice.Required) || (!_isUnquantized && QuantAdvice.IsUnquantizedType(number)))
                continue;
            if (TypesOf(type, withImportanceMatrix && type.Imatrix != ImatrixAdvice.Ignored) is { } tensors)
                yield return new(type, ModelWeights.Of(tensors.Select(tensor => (tensor.Name, tensor.ByteCount)), Shape), quality);
        }
    }

    /// <summary>How a candidate fits if the model is run in a way.</summary>
    /// <param name="candidate">The candidate.</param>
    /// <param name="memory">How the model is run.</param>
    public QuantAdvice Advise(AdviceCandidate candidate, MemoryOptions memory) =>
        new(candidate.Type, candidate.Weights.Total + _header, Estimate(candidate.Weights, memory), _available, candidate.Quality) { Reserve = _reserve, IsForCard = _isForCard };

    // What has all layers on a card is compared with its memory; what has to be divided is divided by it.
    private MemoryEstimate Estimate(ModelWeights weights, MemoryOptions memory)
    {
        if (!_isForCard)
            return MemoryEstimate.Of(weights, Shape, memory);
        MemoryEstimate whole = MemoryEstimate.Of(weights, Shape, memory with { GpuMemory = long.MaxValue, GpuReserve = 0 });
        return whole with { Placement = whole.Placement! with { GpuMemory = _available, Reserve = _reserve } };
    }

    // Null if the type does not suit the model's shapes.
    private IReadOnlyList<PlannedTensor>? TypesOf(QuantType type, bool hasImportance)
    {
        try
        {
            return QuantizationPlan.ChooseTypes(_file, type.Type, QuantizationOptions.Default, hasImportance);
        }
        catch (QuantizationException)
        {
            return null;
        }
    }
}

/// <summary>A type that suits a model.</summary>
/// <param name="Type">The type.</param>
/// <param name="Weights">The bytes of the tensors in it.</param>
/// <param name="Quality">How much quality it is expected to lose.</param>
internal sealed record AdviceCandidate(QuantType Type, ModelWeights Weights, ExpectedQuality Quality);
