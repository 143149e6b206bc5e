using System.Collections;
using System.Management.Automation;
using System.Text.RegularExpressions;
using GgufQuant.Allocation;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that plans files: the parameters that choose tensor types and destinations.</summary>
public abstract partial class QuantizationCommand : EngineCommand
{
    private readonly HashSet<FileType> _withoutSelection = [];
    private QuantizationOptions _options = QuantizationOptions.Default;
    private OpenCalibration? _calibration;

    // To choose types with, for files that are rounded as llama.cpp does.
    private OpenCalibration? _matrixCalibration;
    private IReadOnlyList<SizeTarget> _targets = [];
    private CorpusCalibration? _corpus;
    private bool _isTypeGiven;

    /// <summary>The file types to produce.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, HelpMessage = "One or more file types: Q4_K_M, Q8_0, ...")]
    [Alias("QuantType")]
    [QuantTypeTransformation]
    [ArgumentCompleter(typeof(QuantNameCompleter))]
    public QuantType[] Type { get; set; } = [];

    /// <summary>An object whose properties are the path and the type; it says whether they describe a file.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true, HelpMessage = "An object with a path and a type to quantize to.")]
    public PSObject? InputObject { get; set; }

    /// <summary>Copies the tensors unchanged.</summary>
    [Parameter(HelpMessage = "Keep every tensor as it is: only prune layers, change metadata or split.")]
    public SwitchParameter Copy { get; set; }

    /// <summary>A file or a folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: next to the source, as model-Q4_K_M.gguf.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Accepts tensors that are already quantized.</summary>
    [Parameter(HelpMessage = "Accept a source that is already quantized; what it has lost stays lost.")]
    public SwitchParameter AllowRequantize { get; set; }

    /// <summary>Gives every matrix the same type.</summary>
    [Parameter(HelpMessage = "Give every matrix the file type's default type instead of llama.cpp's selection.")]
    public SwitchParameter Pure { get; set; }

    /// <summary>The type of the output tensor.</summary>
    [Parameter(HelpMessage = "The type of output.weight.")]
    [TensorFormatTransformation]
    [ArgumentCompleter(typeof(TensorTypeCompleter))]
    public BlockFormat? OutputTensorType { get; set; }

    /// <summary>The type of the token embeddings.</summary>
    [Parameter(HelpMessage = "The type of token_embd.weight.")]
    [TensorFormatTransformation]
    [ArgumentCompleter(typeof(TensorTypeCompleter))]
    public BlockFormat? TokenEmbeddingType { get; set; }

    /// <summary>Types for tensors by name; the first match wins.</summary>
    [Parameter(HelpMessage = "Rules 'regex=type', or an ordered table of them; the first match wins.")]
    [ArgumentCompleter(typeof(TensorRuleCompleter))]
    [TensorTypeTransformation]
    [ValidateNotNullOrEmpty]
    public TensorTypeRule[] TensorType { get; set; } = [];

    /// <summary>A file of rules for tensors.</summary>
    [Parameter(HelpMessage = "A .psd1 file of rules; those of -TensorType take precedence.")]
    [ValidateNotNullOrEmpty]
    public string? Recipe { get; set; }

    /// <summary>Leaves the output tensor unchanged.</summary>
    [Parameter(HelpMessage = "Leave output.weight as it is in the source.")]
    public SwitchParameter LeaveOutputTensor { get; set; }

    /// <summary>An importance matrix.</summary>
    [Parameter(HelpMessage = "An importance matrix, GGUF or .dat, from New-ImportanceMatrix or llama-imatrix, or a calibration.")]
    [ValidateNotNullOrEmpty]
    public string? ImportanceMatrix { get; set; }

    /// <summary>A calibration to round with.</summary>
    [Parameter(HelpMessage = "A calibration of the model, from New-QuantCalibration: less loss at the same size.")]
    [ValidateNotNullOrEmpty]
    public string? Calibration { get; set; }

    /// <summary>A text to collect the calibration from.</summary>
    [Parameter(HelpMessage = "A text to collect the calibration from, which is kept next to the output and used again.")]
    [ValidateNotNullOrEmpty]
    public string? Corpus { get; set; }

    /// <summary>Maximum number of chunks of the text.</summary>
    [Parameter(HelpMessage = "Maximum number of chunks of -Corpus to evaluate; default: the whole text.")]
    [Alias("Chunks")]
    [ValidateRange(1, int.MaxValue)]
    public int? ChunkCount { get; set; }

    /// <summary>Columns that a block of moments has at most.</summary>
    [Parameter(HelpMessage = "Columns per block of moments that are collected, a multiple of 256; default: the widest that three passes collect.")]
    [ValidateRange(256, 46080)]
    public int? CovarianceWidth { get; set; }

    /// <summary>Maximum bytes of memory to use.</summary>
    [Parameter(HelpMessage = "The maximum memory to use, whatever the model's size: 512MB, 2GB.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(64L << 20, long.MaxValue)]
    public long? MemoryBudget { get; set; }

    /// <summary>Bytes that each file may have.</summary>
    [Parameter(HelpMessage = "Choose types for a file of at most this size: 4.2GB. Needs a calibration: -Calibration, -Corpus or -ImportanceMatrix.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long[] TargetSize { get; set; } = [];

    /// <summary>Bits that each file's weights may take on average.</summary>
    [Parameter(HelpMessage = "Choose types for at most this many bits per weight: 4.25. Needs a calibration, as -TargetSize does.")]
    [ValidateRange(0.5, 64)]
    public double[] TargetBitsPerWeight { get; set; } = [];

    /// <summary>Bytes of memory that each file may take to run.</summary>
    [Parameter(HelpMessage = "Choose types for a file that runs in at most this much memory, context and buffers included: 8GB. Needs a calibration, as -TargetSize does.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long[] TargetMemory { get; set; } = [];

    /// <summary>Tokens of context that the memory has room for.</summary>
    [Parameter(HelpMessage = "Tokens of context that -TargetMemory has room for.")]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    [ValidateRange(1, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache in that memory.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache that -TargetMemory has room for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <summary>Bytes of a graphics card's memory.</summary>
    [Parameter(HelpMessage = "A graphics card's memory, which takes as many layers as fit; -TargetMemory is then the host's beside it.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? GpuMemory { get; set; }

    /// <summary>Keeps all experts on the host.</summary>
    [Parameter(HelpMessage = "Keep all experts on the host, as --cpu-moe of llama.cpp's programs does. Needs -GpuMemory.")]
    public SwitchParameter CpuMoe { get; set; }

    /// <summary>The types that may be chosen for a size.</summary>
    [Parameter(HelpMessage = "The types to choose from for a size, wildcards allowed: 'q?_K', q8_0; default: all.")]
    [TensorFormatsTransformation]
    [ArgumentCompleter(typeof(TensorTypeCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public BlockFormat[] AllowedType { get; set; } = [];

    /// <summary>Measures nothing.</summary>
    [Parameter(HelpMessage = "Choose types without running the model, by how much each kind of tensor matters in the sample model.")]
    public SwitchParameter DefaultCoefficient { get; set; }

    /// <summary>Parts of names: only entries of the matrix with one of them are used.</summary>
    [Parameter(HelpMessage = "Use only the matrix entries whose names contain one of these.")]
    [ArgumentCompleter(typeof(TensorPartCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] IncludeWeight { get; set; } = [];

    /// <summary>Parts of names: entries of the matrix with one of them are not used.</summary>
    [Parameter(HelpMessage = "Ignore the matrix entries whose names contain one of these.")]
    [ArgumentCompleter(typeof(TensorPartCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] ExcludeWeight { get; set; } = [];

    /// <summary>Layers to remove.</summary>
    [Parameter(HelpMessage = "Numbers of the layers to remove, from 0; later layers move up.")]
    [ArgumentCompleter(typeof(LayerCompleter))]
    [ValidateRange(0, 65535)]
    public int[] PruneLayer { get; set; } = [];

    /// <summary>Metadata to add or replace.</summary>
    [Parameter(HelpMessage = "A table of metadata keys and values to add or replace.")]
    [ValidateNotNull]
    public IDictionary? Metadata { get; set; }

    /// <summary>Keeps the source's shards.</summary>
    [Parameter(HelpMessage = "Split the file as the source is split.")]
    public SwitchParameter KeepSplit { get; set; }

    /// <summary>Maximum bytes of tensor data per shard.</summary>
    [Parameter(HelpMessage = "Split the file into shards of at most this many bytes: 2GB.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? SplitMaxSize { get; set; }

    /// <summary>Maximum number of tensors per shard.</summary>
    [Parameter(HelpMessage = "Split the file into shards of at most this many tensors.")]
    [ValidateRange(1, int.MaxValue)]
    public int? SplitMaxTensor { get; set; }

    /// <summary>The name of the pre-tokenizer of a Hugging Face folder.</summary>
    [Parameter(HelpMessage = "The name of the pre-tokenizer of a Hugging Face folder, such as llama-bpe, if it is not recognized.")]
    [ArgumentCompleter(typeof(PreTokenizerCompleter))]
    [ValidateNotNullOrEmpty]
    public string? PreTokenizer { get; set; }

    /// <summary>Accepts projectors too if they are named, as llama-quantize does.</summary>
    private protected override bool Takes(ModelKind kind) => kind == ModelKind.Model || (kind == ModelKind.Projector && !IsMatch);

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    private protected override string? PreTokenizerOfFolders => PreTokenizer;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfBothBound(
            nameof(Copy), nameof(Pure), nameof(TensorType), nameof(Recipe), nameof(OutputTensorType),
            nameof(TokenEmbeddingType), nameof(LeaveOutputTensor), nameof(ImportanceMatrix), nameof(Calibration), nameof(Corpus));
        this.ThrowIfBothBound(nameof(Calibration), nameof(ImportanceMatrix), nameof(Corpus));
        this.ThrowIfBothBound(nameof(Corpus), nameof(ImportanceMatrix));
        this.ThrowIfMissing(nameof(Corpus), nameof(ChunkCount), nameof(CovarianceWidth));
        this.ThrowIfBothBound(nameof(KeepSplit), nameof(SplitMaxSize), nameof(SplitMaxTensor));
        this.ThrowIfBothBound(nameof(SplitMaxSize), nameof(SplitMaxTensor));
        this.ThrowIfBothBound(nameof(LeaveOutputTensor), nameof(OutputTensorType));
        this.ThrowIfMissing(nameof(ImportanceMatrix), nameof(IncludeWeight), nameof(ExcludeWeight));
        foreach (string target in (string[])[nameof(TargetSize), nameof(TargetBitsPerWeight), nameof(TargetMemory)])
        {
            this.ThrowIfBothBound(target, nameof(Type), nameof(Copy), nameof(Pure), nameof(AllowRequantize), nameof(IncludeWeight), nameof(ExcludeWeight));
            if (Corpus is null && ImportanceMatrix is null)
                this.ThrowIfMissing(nameof(Calibration), target);
        }
        this.ThrowIfMissing(nameof(TargetMemory), nameof(ContextLength), nameof(CacheType), nameof(GpuMemory));
        this.ThrowIfMissing(nameof(GpuMemory), nameof(CpuMoe));
        if (TargetBitsPerWeight.Length == 0 && TargetMemory.Length == 0)
            this.ThrowIfMissing(nameof(TargetSize), nameof(AllowedType), nameof(DefaultCoefficient));
        if (Calibration is not null)
            _calibration = ReadOrThrowTerminating(this.ResolveUnexpanded(Calibration), path => OpenCalibration.Read(this, path));
        _targets = SizeAllocation.TargetsOf(
            TargetSize, TargetBitsPerWeight, TargetMemory, new() { ContextLength = ContextLength, KeyType = CacheType, ValueType = CacheType, GpuMemory = GpuMemory, CpuMoe = CpuMoe });
        if (_targets.Count > 0 && ImportanceMatrix is not null)
            _matrixCalibration = ReadOrThrowTerminating(this.ResolveUnexpanded(ImportanceMatrix), path => OpenCalibration.ReadMatrix(this, path));
        if (Corpus is not null)
            _corpus = CorpusCalibration.Of(this, FindEngine, ResolveCorpus(Corpus), ChunkCount, CovarianceWidth, EffectiveMemoryBudget, _targets, AllowedType);
        _options = ReadOptions();
        _isTypeGiven = Type.Length > 0;
        // Objects from the pipeline may provide their types.
        if (_isTypeGiven ? Copy : !Copy && _targets.Count == 0 && !MyInvocation.ExpectingInput)
            ThrowTerminatingError(TypeOrCopy(null));
        Destinations = DestinationsAt(Destination, ".gguf");
        if (Destinations.IsFile && (Type.Length > 1 || _targets.Count > 1))
        {
            string requested = _targets.Count > 1 ? $"{_targets.Count} sizes" : $"{Type.Length} types";
            ThrowTerminatingError(new(
                new ArgumentException($"'{Destination}' is one file, but {requested} were requested. Give -Destination a folder."),
                "DestinationIsFile", ErrorCategory.InvalidArgument, Destination));
        }
    }

    /// <inheritdoc/>
    private protected override string Variant => _targets.Count == 0 ? string.Join<QuantType>(' ', Types) : "";

    /// <summary>Whether files that exist are replaced.</summary>
    private protected virtual bool ReplacesFiles => false;

    /// <summary>Bytes of memory to use; rounding with moments takes more.</summary>
    private protected long EffectiveMemoryBudget =>
        MemoryBudget ?? (Calibration is null && Corpus is null ? new QuantizerOptions().MemoryBudget : CorpusCalibration.DefaultMemoryBudget);

    /// <summary>The destinations of the files.</summary>
    private protected Destinations Destinations { get; private set; } = new();

    /// <inheritdoc/>
    protected sealed override void ProcessModel(GgufFile model)
    {
        if (_corpus is null)
            ProcessCalibrated(model);
        else
            _corpus.Process(model, OptionsFor(model), Destinations, ReplacesFiles, collected => ProcessCollected(model, collected), sizes => Preview(model, sizes));
    }

    private void ProcessCalibrated(GgufFile model)
    {
        if (_targets.Count > 0)
        {
            ProcessSizes(model, AllocationWith((_calibration ?? _matrixCalibration)!));
            return;
        }
        IReadOnlyList<QuantType> types = Types;
        if (types.Count == 0 && !Copy)
        {
            WriteError(TypeOrCopy(model.Path));
            return;
        }
        WarnOfIdleRules(model, types);
        if (Copy)
            TryProcess(model, QuantizationPlan.CreateCopy);
        QuantType[] distinct = [.. types.Distinct()];
        for (int i = 0; i < distinct.Length; i++)
        {
            FileType type = distinct[i].Type;
            if (distinct.Length > 1)
                ShowPart($"Planning {Formatting.FileName(model.Path)}", distinct[i].Name, i + 1, distinct.Length);
            TryProcess(model, (source, options) => QuantizationPlan.Create(source, type, options));
        }
        EndParts();
        CompletePlans(model);
    }

    /// <summary>Processes one planned file.</summary>
    /// <param name="plan">The plan; its source is open until <see cref="CompletePlans"/> returns.</param>
    /// <param name="destination">The full path of the file; its shards get that name with their numbers.</param>
    protected abstract void ProcessPlan(QuantizationPlan plan, string destination);

    /// <summary>Does what the files of a model are processed together for, once all are planned.</summary>
    /// <param name="model">The model.</param>
    private protected virtual void CompletePlans(GgufFile model)
    {
    }

    /// <summary>Processes a file that cannot be planned, because its calibration is not to be collected.</summary>
    /// <param name="model">The model.</param>
    /// <param name="type">What it would be quantized to, in words.</param>
    /// <param name="destination">The full path of the file.</param>
    private protected virtual void ProcessUnplanned(GgufFile model, string type, string destination)
    {
    }

    private void ProcessCollected(GgufFile model, OpenCalibration collected)
    {
        _calibration = collected;
        try
        {
            ProcessCalibrated(model);
        }
        finally
        {
            _calibration = null;
        }
    }

    private void Preview(GgufFile model, SizeTarget[] sizes)
    {
        string name = QuantName.WithoutQuantization(model.Path);
        foreach (QuantType type in Types.Distinct())
            ProcessUnplanned(model, type.Name, Destinations.For(model.Path, $"{name}-{type.Name}-cal.gguf"));
        foreach (SizeTarget target in sizes)
            ProcessUnplanned(model, $"{target}", Destinations.For(model.Path, $"{name}-{Formatting.SizeInName(target)}.gguf"));
    }

    private SizeAllocation AllocationWith(OpenCalibration calibration) => new(this, calibration, _targets, AllowedType)
    {
        OpenEngine = FindEngine,
        IsEngineNamed = Engine is not null,
        UsesDefaults = DefaultCoefficient,
        Threads = ThreadCount,
        MemoryBudget = MemoryBudget ?? CorpusCalibration.DefaultMemoryBudget,
    };

    private void ProcessSizes(GgufFile model, SizeAllocation allocation)
    {
        WarnOfIdleRules(model, []);
        int done = 0;
        foreach ((SizeTarget target, Func<QuantizationPlan> plan) in allocation.PlansFor(model, () => OptionsFor(model)))
        {
            if (_targets.Count > 1)
                ShowPart($"Planning {Formatting.FileName(model.Path)}", $"{target}", ++done, _targets.Count);
            TryProcess(model, (_, _) => plan(), $"-{Formatting.SizeInName(target)}");
        }
        EndParts();
        CompletePlans(model);
    }

    // A type that is not possible does not prevent the others.
    private void TryProcess(GgufFile model, Func<GgufFile, QuantizationOptions, QuantizationPlan> create, string? suffix = null)
    {
        string? destination = null;
        try
        {
            QuantizationPlan plan = create(model, OptionsFor(model));
            WarnOf(plan);
            destination = Destinations.For(model.Path, NameOf(plan, suffix));
            ProcessPlan(plan, destination);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(model.Path, destination));
        }
    }

    private void WarnOf(QuantizationPlan plan)
    {
        if (!Copy && !plan.HasFittingRules)
            WriteWarning($"'{Formatting.FileName(plan.Source.Path)}' has neither token embeddings nor layers of a language model, and its types are chosen by rules for those: -Pure or -TensorType choose others.");
        // A user who has chosen entries knows that they are not all.
        bool isChosen = IncludeWeight.Length > 0 || ExcludeWeight.Length > 0;
        if (!isChosen && plan.Imatrix?.Problem is { } problem)
            WriteWarning(problem);
    }

    // model-f16.gguf becomes model-Q4_K_M.gguf, or model-Q4_K_M-cal.gguf, which has other bytes than llama.cpp's.
    private static string NameOf(QuantizationPlan plan, string? suffix)
    {
        suffix ??= plan.Type is null ? "" : $"-{plan.Type}{(plan.Options.Calibration is null ? "" : "-cal")}";
        return $"{QuantName.WithoutQuantization(plan.Source.Path)}{suffix}.gguf";
    }

    // Objects that other cmdlets of the module return have the type of a file, not the type to quantize it to. Only those of
    // Find-QuantType have the type to quantize to, in a separate property.
    private IReadOnlyList<QuantType> Types
    {
        get
        {
            if (Copy)
                return [];
            if (_isTypeGiven || !IsOwn(InputObject))
                return Type ?? [];
            return InputObject!.Properties["QuantType"]?.Value is string name && QuantCatalog.TryFind(name, out QuantType? type) ? [type] : [];
        }
    }

    private static bool IsOwn(PSObject? input) => input?.TypeNames.Any(name => OwnTypeName().IsMatch(name)) == true;

    [GeneratedRegex(@"^(Deserialized\.)?GgufQuant\.")]
    private static partial Regex OwnTypeName();

    private static ErrorRecord TypeOrCopy(string? path) => new(
        new ArgumentException("Give -Type one or more file types, such as Q4_K_M, or -TargetSize and a calibration, or -Copy to keep the tensors unchanged, but not two of them."),
        "TypeOrCopy", ErrorCategory.InvalidArgument, path);

    private QuantizationOptions ReadOptions() => new()
    {
        AllowRequantize = AllowRequantize,
        Pure = Pure,
        OutputTensorType = OutputTensorType?.Type,
        TokenEmbeddingType = TokenEmbeddingType?.Type,
        TensorTypes = [.. TensorType, .. Recipe is null ? [] : ReadOrThrowTerminating(this.ResolveUnexpanded(Recipe), RecipeFile.Read)],
        LeaveOutputTensor = LeaveOutputTensor,
        Imatrix = ImportanceMatrix is null || _matrixCalibration is not null
            ? null
            : ReadOrThrowTerminating(this.ResolveUnexpanded(ImportanceMatrix), ReadMatrix).Where(IncludeWeight, ExcludeWeight),
        PruneLayers = PruneLayer,
        KeepSplit = KeepSplit,
        Split = SplitOptions,
    };

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _calibration?.Dispose();
        _matrixCalibration?.Dispose();
        base.Dispose(disposing);
    }

    private Imatrix.ImatrixFile ReadMatrix(string path) => RunInBackground(
        $"Reading {Formatting.FileName(path)}", (_, token) => Imatrix.ImatrixFile.Open(path, token));

    /// <exception cref="QuantizationException">The given metadata do not match the model's.</exception>
    private QuantizationOptions OptionsFor(GgufFile model)
    {
        try
        {
            return _options with
            {
                Calibration = _calibration?.File,
                // What is measured is kept in the calibration, whose matrix is at another place then.
                Imatrix = _matrixCalibration?.File.Imatrix ?? _options.Imatrix,
                Metadata = MetadataArguments.ToEntries(Metadata, model.Metadata),
            };
        }
        catch (ArgumentException exception)
        {
            throw new QuantizationException(exception.Message, exception);
        }
    }

    // A name may be misspelt, or a type may accept no rules.
    private void WarnOfIdleRules(GgufFile model, IReadOnlyList<QuantType> types)
    {
        foreach (QuantType plain in types.Where(type => _options.TensorTypes.Count > 0 && !type.Format.IsQuantized && _withoutSelection.Add(type.Type)))
            WriteWarning($"{plain.Name} has no tensor type selection, so tensor rules have no effect on it, as in llama.cpp.");
        foreach (TensorTypeRule rule in _options.TensorTypes.Where(rule => !model.Tensors.Any(tensor => rule.Matches(tensor.Name))))
            WriteWarning($"'{rule}' matches no tensor of '{Formatting.FileName(model.Path)}'. Get-GgufTensor lists the names.");
    }

    private GgufSplitOptions? SplitOptions => (SplitMaxSize, SplitMaxTensor) switch
    {
        (null, null) => null,
        (long size, _) => new() { MaxBytes = size },
        (_, int tensors) => new() { MaxTensors = tensors },
    };
}
