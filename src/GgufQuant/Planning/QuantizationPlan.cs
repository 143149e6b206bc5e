using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Planning;

/// <summary>The contents of a quantized file, known before a byte of it is written.</summary>
public sealed class QuantizationPlan
{
    private QuantizationPlan(GgufFile source, FileType? type, QuantizationOptions options, IReadOnlyList<PlannedTensor> tensors, PlannedLayout layout)
    {
        Source = source;
        Options = options;
        Tensors = tensors;
        Layout = layout;
        Weights = tensors.Sum(tensor => tensor.Source.ElementCount);
        TensorBytes = tensors.Sum(tensor => tensor.ByteCount);
        Shares = TypeShare.Of(tensors.Select(tensor => (tensor.Target, tensor.Source.ElementCount)));
        Type = type ?? ModelInfo.TypeOf(layout.Files[0].Metadata, Shares);
    }

    /// <summary>The model to be quantized.</summary>
    public GgufFile Source { get; }

    /// <summary>What it is quantized to; for a copy what it holds, null if that is unknown.</summary>
    public FileType? Type { get; private init; }

    /// <summary>How the plan departs from the file type's own tensor type selection.</summary>
    public QuantizationOptions Options { get; }

    /// <summary>The tensors in the order they are written.</summary>
    public IReadOnlyList<PlannedTensor> Tensors { get; }

    /// <summary>Whether the choice of types is made for models like the source: language models, and some architectures of image models.</summary>
    public bool HasFittingRules =>
        (Source.Metadata.TryGetString(GgufKeys.Architecture, out string? architecture) && ImageModelRules.Of(architecture) is not null)
        || Source.Tensors.Any(tensor => TensorNames.RoleOf(tensor.Name) == TensorRole.TokenEmbedding || tensor.Name.Contains(TensorNames.LayerPrefix, StringComparison.Ordinal));

    /// <summary>How far the importance matrix serves the plan; null without one.</summary>
    public ImatrixCoverage? Imatrix { get; private init; }

    /// <summary>Weights in the tensors.</summary>
    public long Weights { get; }

    /// <summary>Bytes of the tensors without header and padding.</summary>
    public long TensorBytes { get; }

    /// <summary>Bytes of the file to be written, or of all shards together.</summary>
    public long TotalBytes => Layout.Shards.Length;

    /// <summary>Bytes of the source: of its files, or of the tensors that are read if only some shards are written.</summary>
    public long SourceBytes => Layout.Shards.IsPart ? Tensors.Sum(tensor => Source.SourceBytesOf(tensor.Source)) : Source.CompleteLength;

    /// <summary>Average bits per weight, excluding header and padding.</summary>
    public double BitsPerWeight => Weights == 0 ? 0 : 8.0 * TensorBytes / Weights;

    /// <summary>The types in the file with their shares of the weights, largest first.</summary>
    public IReadOnlyList<TypeShare> Shares { get; }

    /// <summary>The headers to write and the offset of every tensor's data.</summary>
    internal PlannedLayout Layout { get; }

    /// <summary>The files to be written: one, or shards.</summary>
    public ShardLayout Shards => Layout.Shards;

    /// <summary>The full paths of the files that the bytes depend on: the source's, and the importance matrix's.</summary>
    public IEnumerable<string> InputPaths => Source.SourcePaths.Concat(Options.Imatrix is { } matrix ? [Path.GetFullPath(matrix.Path)] : []);

    /// <summary>The full paths of the files written to a destination: the destination itself, or its shards.</summary>
    public IReadOnlyList<string> PathsAt(string destination) => Layout.Shards.PathsAt(destination);

    /// <summary>The part of the plan that writes only some of the shards, each with the same bytes as when all are written.</summary>
    /// <param name="numbers">The numbers of the shards, counted from 0, in any order.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such shard.</exception>
    public QuantizationPlan ForShards(IEnumerable<int> numbers)
    {
        (PlannedLayout layout, IReadOnlyList<int> tensors) = Layout.Only(Layout.Shards.Only(numbers));
        return new QuantizationPlan(Source, Type, Options, [.. tensors.Select(index => Tensors[index])], layout) { Type = Type, Imatrix = Imatrix };
    }

    /// <summary>What the files of the plan are, once they are written.</summary>
    /// <param name="destination">The destination.</param>
    /// <param name="duration">How long writing took.</param>
    public WrittenFile Describe(string destination, TimeSpan duration) =>
        new(PathsAt(destination)[0], Source.Path, Type, TotalBytes, SourceBytes, Weights, BitsPerWeight, Shares, duration);

    /// <summary>Plans a file.</summary>
    /// <param name="source">The model; it must stay open until the file is written.</param>
    /// <param name="type">What to quantize to.</param>
    /// <param name="options">Departures from the file type's own tensor type selection; null for none.</param>
    /// <exception cref="QuantizationException">The model cannot be quantized this way; the message says why and what to do.</exception>
    /// <exception cref="CalibrationException">The calibration is of another model.</exception>
    public static QuantizationPlan Create(GgufFile source, FileType type, QuantizationOptions? options = null) => Create(source, type, options, isForSize: false);

    /// <summary>Plans a file whose size is all that counts, as if the importance that its types need were there.</summary>
    /// <exception cref="QuantizationException">The model cannot be quantized this way; the message says why and what to do.</exception>
    internal static QuantizationPlan CreateForSize(GgufFile source, FileType type, QuantizationOptions options) => Create(source, type, options, isForSize: true);

    private static QuantizationPlan Create(GgufFile source, FileType type, QuantizationOptions? options, bool isForSize)
    {
        ArgumentNullException.ThrowIfNull(source);
        options ??= QuantizationOptions.Default;
        if (options.Calibration is { } calibration)
        {
            calibration.CheckModel(source);
            options = options with { Imatrix = options.Imatrix ?? calibration.Imatrix };
        }
        PlannedMetadata.Check(options.Metadata);
        LayerPruning pruning = new(options.PruneLayers);
        // A matrix that is not the model's has no say in the types, and the file does not claim it.
        QuantizationOptions effective = ImatrixCoverage.CountKnown(source, options.Imatrix) == 0 ? options with { Imatrix = null } : options;
        List<PlannedTensor> tensors = ChooseTypes(source, type, effective, pruning);
        for (int i = 0; i < tensors.Count; i++)
        {
            tensors[i].Validate(options);
            if (isForSize)
                continue;
            tensors[i] = tensors[i] with
            {
                Importance = ImatrixRules.Find(tensors[i], type, options.Imatrix),
                Moments = MomentsOf(tensors[i], options.Calibration),
            };
        }
        ImatrixCoverage? coverage = ImatrixCoverage.Of(source, tensors, options.Imatrix);
        if (coverage is not null)
            MarkUnweighed(tensors);
        PlannedLayout layout = PlannedLayout.Create(PlannedMetadata.Of(source, FileTypeOf(type, tensors, options), effective, pruning), tensors, options);
        return new QuantizationPlan(source, options.Allocation is null ? type : null, options, tensors, layout) { Imatrix = coverage };
    }

    /// <summary>Plans a file with unchanged tensors: only to prune layers, replace metadata or sort tensors.</summary>
    /// <param name="source">The model; it must stay open until the file is written.</param>
    /// <param name="options">Metadata and layers to prune; besides these, only the options for splitting apply. Null for a plain copy.</param>
    /// <exception cref="QuantizationException">A layer to prune does not exist, none would be left, or metadata cannot be set.</exception>
    public static QuantizationPlan CreateCopy(GgufFile source, QuantizationOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        options = (options ?? QuantizationOptions.Default) with { Imatrix = null, Calibration = null };
        PlannedMetadata.Check(options.Metadata);
        LayerPruning pruning = new(options.PruneLayers);
        List<PlannedTensor> tensors =
        [
            .. from tensor in Named(source, options, pruning)
               select new PlannedTensor(tensor.Source, tensor.Source.Type, "copied") { Name = tensor.Name },
        ];
        GgufEntry fileType = source.Metadata.Find(GgufKeys.FileType) ?? GgufEntry.Create(GgufKeys.FileType, GuessedFileType.Of(source.Tensors));
        return new QuantizationPlan(source, type: null, options, tensors, PlannedLayout.Create(PlannedMetadata.Of(source, fileType, options, pruning), tensors, options));
    }

    // Allocated types do not follow a file type.
    private static GgufEntry FileTypeOf(FileType type, List<PlannedTensor> tensors, QuantizationOptions options) => GgufEntry.Create(
        GgufKeys.FileType, options.Allocation is null ? (uint)type : GuessedFileType.Of(tensors.Select(tensor => (tensor.Name, tensor.Target))));

    private static void MarkUnweighed(List<PlannedTensor> tensors)
    {
        for (int i = 0; i < tensors.Count; i++)
        {
            if (tensors[i].Importance is null && ImatrixCoverage.IsWeighable(tensors[i]))
                tensors[i] = tensors[i] with { Rule = $"{tensors[i].Rule}, without importance" };
        }
    }

    /// <summary>Only chooses types; <paramref name="hasImportance"/> chooses as with a matrix or without, whatever the options say.</summary>
    internal static List<PlannedTensor> ChooseTypes(GgufFile source, FileType type, QuantizationOptions options, bool? hasImportance = null) =>
        ChooseTypes(source, type, options, new LayerPruning(options.PruneLayers), hasImportance);

    /// <summary>The tensors that may be quantized and that no option has a type for.</summary>
    internal static IEnumerable<(string Name, GgufTensor Source)> OpenTensors(GgufFile source, QuantizationOptions options)
    {
        LayerPruning pruning = new(options.PruneLayers);
        (List<(string Name, GgufTensor Source)> named, TensorTypeSelector selector) = Select(source, FileType.Q4_K_M, options, pruning, hasImportance: true);
        return named.Where(tensor => selector.LeavesOpen(tensor.Name, tensor.Source.Shape.AsSpan()));
    }

    private static List<PlannedTensor> ChooseTypes(
        GgufFile source, FileType type, QuantizationOptions options, LayerPruning pruning, bool? hasImportance = null)
    {
        (List<(string Name, GgufTensor Source)> named, TensorTypeSelector selector) = Select(source, type, options, pruning, hasImportance);
        List<PlannedTensor> planned = [];
        foreach ((string name, GgufTensor tensor) in named)
        {
            TypeChoice choice = selector.Next(name, tensor.Type, tensor.Shape.AsSpan());
            planned.Add(new PlannedTensor(tensor, choice.Type, choice.Rule) { Name = name });
        }
        return planned;
    }

    private static (List<(string Name, GgufTensor Source)> Named, TensorTypeSelector Selector) Select(
        GgufFile source, FileType type, QuantizationOptions options, LayerPruning pruning, bool? hasImportance)
    {
        List<(string Name, GgufTensor Source)> named = Named(source, options, pruning);
        GgufMetadata metadata = options.Metadata.Count == 0 ? source.Metadata : new GgufMetadata(PlannedMetadata.With(source.Metadata, options.Metadata));
        ModelTraits model = ModelTraits.Read(metadata, [.. named.Select(tensor => tensor.Name)], hasImportance ?? options.Imatrix is { Entries.Count: > 0 });
        return (named, new TensorTypeSelector(type, model, options));
    }

    private static InputMoments? MomentsOf(PlannedTensor tensor, CalibrationFile? calibration) =>
        tensor.IsCopied || !MomentRounder.CanRound(tensor.Target) ? null : calibration?.MomentsOf(tensor.Source);

    private static List<(string Name, GgufTensor Source)> Named(GgufFile source, QuantizationOptions options, LayerPruning pruning)
    {
        List<(string Name, GgufTensor Source)> named = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (GgufTensor tensor in source.Tensors.OrderBy(tensor => tensor.Name, TensorOrder.Instance))
        {
            if (pruning.Rename(tensor.Name) is not { } name)
                continue;
            if (!names.Add(name))
                throw new QuantizationException($"Pruning would give two tensors the name '{name}'.");
            named.Add((name, tensor));
        }
        pruning.Check();
        if (options.KeepSplit)
            named.Sort((left, right) => (left.Source.Shard, left.Source.Offset).CompareTo((right.Source.Shard, right.Source.Offset)));
        return named;
    }
}
