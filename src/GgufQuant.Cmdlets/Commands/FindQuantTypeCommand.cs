using System.Management.Automation;
using GgufQuant.Advice;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Finds the types in which a model fits into memory, and recommends one.</summary>
[Cmdlet(VerbsCommon.Find, "QuantType", DefaultParameterSetName = ComparisonSet)]
[OutputType(typeof(QuantTypeFit))]
public sealed class FindQuantTypeCommand : PathCommand
{
    // The default one, so that rows from the pipeline are rows before they are paths.
    private const string ComparisonSet = "Comparison";
    private const string MemoryHelp = "The available memory: 8GB; with -GpuMemory, that of the host beside the card.";
    private const string ComparisonHelp = "Rows of Compare-Quant -Corpus: their measurements replace the published figures.";

    // Selects the view for what is divided between a graphics card and the host.
    private const string PlacedSuffix = "#Placed";

    private readonly List<QuantQuality> _rows = [];

    /// <summary>Bytes of memory available. After a pipe, the first argument.</summary>
    [Parameter(Position = 0, ParameterSetName = ComparisonSet, HelpMessage = MemoryHelp)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet, HelpMessage = MemoryHelp)]
    [Parameter(Position = 1, ParameterSetName = PathSet, HelpMessage = MemoryHelp)]
    [Alias("MemoryBudget")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? Memory { get; set; }

    /// <summary>Bytes of a graphics card's memory.</summary>
    [Parameter(HelpMessage = "The graphics card's memory: alone, all layers are to fit on it; with -Memory, the others remain on the host.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? GpuMemory { get; set; }

    /// <summary>Keeps all experts on the host.</summary>
    [Parameter(HelpMessage = "Keep all experts on the host, as --cpu-moe of llama.cpp's programs does. Needs -GpuMemory.")]
    public SwitchParameter CpuMoe { get; set; }

    /// <summary>Memory that should stay free.</summary>
    [Parameter(HelpMessage = "Memory that should stay free: 5%, 512MB; default: a tenth.")]
    [MemoryReserveTransformation]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    [ValidateNotNull]
    public MemoryReserve? Reserve { get; set; }

    /// <summary>Rows of Compare-Quant with measured divergences.</summary>
    [Parameter(ParameterSetName = ComparisonSet, ValueFromPipeline = true, HelpMessage = ComparisonHelp)]
    [Parameter(ParameterSetName = PathSet, HelpMessage = ComparisonHelp)]
    [Parameter(ParameterSetName = LiteralPathSet, HelpMessage = ComparisonHelp)]
    [MeasuredRowTransformation]
    [ValidateNotNull]
    public QuantQuality[] Comparison { get; set; } = [];

    /// <summary>Tokens of context to estimate memory for.</summary>
    [Parameter(HelpMessage = "Tokens of context to estimate memory for.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(1, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache to estimate memory for.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache to estimate memory for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>The type of the cached keys.</summary>
    [Parameter(HelpMessage = "The type of the cached keys, if it differs from the values'.")]
    public CacheType? KeyCacheType { get; set; }

    /// <summary>The type of the cached values.</summary>
    [Parameter(HelpMessage = "The type of the cached values, if it differs from the keys'.")]
    public CacheType? ValueCacheType { get; set; }

    /// <summary>Tokens evaluated at once.</summary>
    [Parameter(HelpMessage = "Tokens evaluated at once, the -ub of llama.cpp's programs; default: 512.")]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    [ValidateRange(1, 1 << 20)]
    public int BatchSize { get; set; } = MemoryOptions.Default.BatchSize;

    /// <summary>Sequences that share the context.</summary>
    [Parameter(HelpMessage = "Sequences that share the context, the -np of llama.cpp's programs; default: 1.")]
    [ValidateRange(1, 256)]
    public int Parallel { get; set; } = MemoryOptions.Default.Parallel;

    /// <summary>Estimates without flash attention.</summary>
    [Parameter(HelpMessage = "Estimate for llama.cpp without flash attention, which takes more memory.")]
    public SwitchParameter NoFlashAttention { get; set; }

    /// <summary>Assumes an importance matrix.</summary>
    [Parameter(HelpMessage = "Also consider types that need an importance matrix.")]
    public SwitchParameter WithImportanceMatrix { get; set; }

    private MemoryOptions MemoryOptions => new()
    {
        ContextLength = ContextLength,
        KeyType = KeyCacheType ?? CacheType,
        ValueType = ValueCacheType ?? CacheType,
        BatchSize = BatchSize,
        Parallel = Parallel,
        FlashAttention = !NoFlashAttention,
        GpuMemory = GpuMemory,
        CpuMoe = CpuMoe,
    };

    private long Budget => Memory ?? GpuMemory!.Value;

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    private protected override bool TakesHeaders => true;

    /// <inheritdoc/>
    private protected override bool TakesAddresses => true;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfMissing(nameof(GpuMemory), nameof(CpuMoe));
        if (Memory is null && GpuMemory is null)
        {
            ThrowTerminatingError(new(
                new ArgumentException("Give -Memory the available memory, such as 8GB, or -GpuMemory that of a graphics card, or both."),
                "MemoryMissing", ErrorCategory.InvalidArgument, null));
        }
        if (ParameterSetName == ComparisonSet && !MyInvocation.ExpectingInput && Comparison.Length == 0)
            ThrowTerminatingError(PathErrors.Missing("Give -Path, or pipe models or the rows of Compare-Quant -Corpus."));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == ComparisonSet)
            _rows.AddRange(Comparison);
        else
            base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        Comparison = _rows.Count > 0 ? [.. _rows] : Comparison;
        PathSpellings spellings = new();
        foreach (string reference in _rows.Select(row => spellings.Of(row.Reference)).Distinct(StringComparer.Ordinal))
            ProcessPath(reference, isLiteral: true);
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        Dictionary<FileType, double> measured = MeasuredOn(model);
        if (Comparison.Length > 0 && measured.Count == 0)
            WriteWarning($"No row of -Comparison was measured on '{Formatting.FileName(model.Path)}', so the published figures are used.");
        QuantAdvice[] fits =
        [
            .. QuantAdvisor.Find(model, Memory, Reserve?.Of(Budget), MemoryOptions, WithImportanceMatrix, measured)
                .Where(advice => advice.Fit != MemoryFit.TooLarge),
        ];
        string recommendation = fits.FirstOrDefault(fit => fit.IsRecommended)?.Reason ?? "";
        foreach (QuantAdvice fit in fits)
        {
            PSObject output = new(new QuantTypeFit(model.Path, fit, recommendation));
            if (GpuMemory is not null)
                output.TypeNames.Insert(0, typeof(QuantTypeFit).FullName + PlacedSuffix);
            WriteObject(output);
        }
        if (fits.Length == 0)
            WriteWarning(NothingFits(model));
    }

    private Dictionary<FileType, double> MeasuredOn(GgufFile model) => Comparison
        .Where(row => row is { IsReference: false, FileType: not null } && (IsPathOf(model, row.Reference) || IsPathOf(model, row.Path)))
        .GroupBy(row => row.FileType!.Value)
        .ToDictionary(rows => rows.Key, rows => rows.First().KlDivergence);

    private static bool IsPathOf(GgufFile model, string path) => PathIdentity.AreSame(model.Path, path);

    private string NothingFits(GgufFile model)
    {
        string pool = Memory is null ? " of the card's memory" : GpuMemory is null ? "" : $" of the host's memory beside {Formatting.Size(GpuMemory)} of the card's";
        string problem = $"'{Formatting.FileName(model.Path)}' does not fit into {Formatting.Size(Budget)}{pool} in any type";
        if (WayToFit.Smallest(model, Memory, MemoryOptions, WithImportanceMatrix) is not { } smallest)
            return $"{problem}, because no type suits its tensors.";
        string[] ways = [.. WayToFit.Find(model, Memory, MemoryOptions, WithImportanceMatrix).Select(Describe)];
        string reason = smallest.Margin >= 0
            ? "the buffers alone do not fit on the card"
            : $"{smallest.Type}, the smallest, takes {Formatting.Size(smallest.Budget - smallest.Margin)} with a context of {smallest.Memory.ContextLength:N0} tokens";
        return ways.Length == 0
            ? $"{problem}: {reason}, and neither a shorter context nor a smaller cache saves enough."
            : $"{problem}: {reason}. It fits {string.Join(", or ", ways)}.";
    }

    private string Describe(WayToFit way)
    {
        QuantAdvice advice = way.Advice;
        if (way.UsesHost)
        {
            GpuPlacement placement = advice.Memory.Placement!;
            return $"with -Memory of at least {Formatting.Size(placement.Host.Total)} for what the card has no room for ({advice.Type}, {placement.Arguments})";
        }
        string[] arguments =
        [
            .. way.NeedsImportanceMatrix ? ["-WithImportanceMatrix"] : Array.Empty<string>(),
            .. way.Options.ContextLength != ContextLength ? [$"-ContextLength {way.Options.ContextLength}"] : Array.Empty<string>(),
            .. CacheArguments(way.Options),
        ];
        return $"with {string.Join(' ', arguments)} ({advice.Type} takes {Formatting.Size(advice.Budget - advice.Margin)})";
    }

    private IEnumerable<string> CacheArguments(MemoryOptions changed)
    {
        if (changed.KeyType == changed.ValueType)
            return changed.KeyType == MemoryOptions.KeyType && changed.ValueType == MemoryOptions.ValueType ? [] : [$"-CacheType {changed.KeyType}"];
        return
        [
            .. changed.KeyType != MemoryOptions.KeyType ? [$"-KeyCacheType {changed.KeyType}"] : Array.Empty<string>(),
            .. changed.ValueType != MemoryOptions.ValueType ? [$"-ValueCacheType {changed.ValueType}"] : Array.Empty<string>(),
        ];
    }
}
