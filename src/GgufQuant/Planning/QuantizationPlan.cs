using GgufQuant.Gguf;

namespace GgufQuant.Planning;

/// <summary>What a quantized file will hold, known before a byte of it is written.</summary>
public sealed class QuantizationPlan
{
    private QuantizationPlan(GgufFile source, FileType type, QuantizationOptions options, IReadOnlyList<PlannedTensor> tensors, GgufWriter layout)
    {
        Source = source;
        Type = type;
        Options = options;
        Tensors = tensors;
        Layout = layout;
        Weights = tensors.Sum(tensor => tensor.Source.ElementCount);
        TensorBytes = tensors.Sum(tensor => tensor.ByteCount);
        Shares = TypeShare.Of(tensors.Select(tensor => (tensor.Target, tensor.Source.ElementCount)));
    }

    /// <summary>The model to be quantized.</summary>
    public GgufFile Source { get; }

    /// <summary>What it is quantized to.</summary>
    public FileType Type { get; }

    /// <summary>How the plan departs from the file type's own mix.</summary>
    public QuantizationOptions Options { get; }

    /// <summary>The tensors in the order they are written.</summary>
    public IReadOnlyList<PlannedTensor> Tensors { get; }

    /// <summary>Weights in the model.</summary>
    public long Weights { get; }

    /// <summary>Bytes of the tensors without header and padding.</summary>
    public long TensorBytes { get; }

    /// <summary>Bytes of the file to be written.</summary>
    public long TotalBytes => Layout.Length;

    /// <summary>Bits a weight takes on average, header and padding left out.</summary>
    public double BitsPerWeight => Weights == 0 ? 0 : 8.0 * TensorBytes / Weights;

    /// <summary>The types in the file with their shares of the weights, the largest first.</summary>
    public IReadOnlyList<TypeShare> Shares { get; }

    /// <summary>The header to be written and the place of every tensor's data, in the order of <see cref="Tensors"/>.</summary>
    internal GgufWriter Layout { get; }

    /// <summary>Plans a file.</summary>
    /// <param name="source">The model; it must stay open until the file is written.</param>
    /// <param name="type">What to quantize to.</param>
    /// <param name="options">Departures from the file type's mix; null for none.</param>
    /// <exception cref="QuantizationException">The model cannot be quantized so; the message says why and what to do.</exception>
    public static QuantizationPlan Create(GgufFile source, FileType type, QuantizationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= QuantizationOptions.Default;
        List<PlannedTensor> tensors = ChooseTypes(source, type, options);
        for (int i = 0; i < tensors.Count; i++)
        {
            PlanRules.Check(tensors[i], options);
            tensors[i] = tensors[i] with { Importance = ImportanceRules.Find(tensors[i], type, options.ImportanceMatrix) };
        }
        GgufWriter layout = new(PlannedMetadata.Of(source.Metadata, type, options), tensors.Select(tensor => new GgufTensorInfo(tensor.Name, tensor.Target, tensor.Source.Shape)));
        return new QuantizationPlan(source, type, options, tensors, layout);
    }

    internal static List<PlannedTensor> ChooseTypes(GgufFile source, FileType type, QuantizationOptions options)
    {
        List<GgufTensor> ordered = [.. source.Tensors.OrderBy(tensor => tensor.Name, TensorOrder.Instance)];
        MixModel model = MixModelReader.Read(source.Metadata, [.. ordered.Select(tensor => tensor.Name)], hasImportance: options.ImportanceMatrix is { Entries.Count: > 0 });
        TensorMix mix = new(type, model, options);
        List<PlannedTensor> planned = [];
        foreach (GgufTensor tensor in ordered)
        {
            MixChoice choice = mix.Next(tensor.Name, tensor.Type, tensor.Shape.AsSpan());
            planned.Add(new PlannedTensor(tensor, choice.Type, choice.Rule));
        }
        return planned;
    }
}
