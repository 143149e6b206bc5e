using System.Collections;
using System.Management.Automation;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>The parameters that say which tensor becomes what.</summary>
public abstract class QuantizationCommand : ModelCommand
{
    private QuantizationOptions _options = QuantizationOptions.Default;

    /// <summary>Takes tensors that are quantized already.</summary>
    [Parameter(HelpMessage = "Take a source that is quantized already; what it has lost stays lost.")]
    public SwitchParameter AllowRequantize { get; set; }

    /// <summary>Gives every matrix the same type.</summary>
    [Parameter(HelpMessage = "Give every matrix the same type instead of the file type's mix.")]
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

    /// <summary>Types for tensors by name; the first rule that matches decides.</summary>
    [Parameter(HelpMessage = "Rules 'regex=type', or an ordered table of them; the first that matches decides.")]
    [TensorTypeTransformation]
    [ValidateNotNullOrEmpty]
    public TensorTypeRule[] TensorType { get; set; } = [];

    /// <summary>A file of rules for tensors.</summary>
    [Parameter(HelpMessage = "A .psd1 file of rules; those of -TensorType come first.")]
    [ValidateNotNullOrEmpty]
    public string? Recipe { get; set; }

    /// <summary>Leaves the output tensor as it is.</summary>
    [Parameter(HelpMessage = "Leave output.weight as it is in the source.")]
    public SwitchParameter LeaveOutputTensor { get; set; }

    /// <summary>An importance matrix.</summary>
    [Parameter(HelpMessage = "An importance matrix, GGUF or .dat, as New-ImportanceMatrix or llama-imatrix makes it.")]
    [ValidateNotNullOrEmpty]
    public string? ImportanceMatrix { get; set; }

    /// <summary>Parts of names: only the matrix's entries with one of them are used.</summary>
    [Parameter(HelpMessage = "Use only the matrix's entries whose names contain one of these.")]
    [ValidateNotNullOrEmpty]
    public string[] IncludeWeight { get; set; } = [];

    /// <summary>Parts of names: the matrix's entries with one of them are not used.</summary>
    [Parameter(HelpMessage = "Do not use the matrix's entries whose names contain one of these.")]
    [ValidateNotNullOrEmpty]
    public string[] ExcludeWeight { get; set; } = [];

    /// <summary>Layers to take out.</summary>
    [Parameter(HelpMessage = "Numbers of layers to take out, from 0; those after them move up.")]
    [ValidateRange(0, 65535)]
    public int[] PruneLayer { get; set; } = [];

    /// <summary>Metadata to add or to replace.</summary>
    [Parameter(HelpMessage = "A table of metadata keys and values to add or to replace.")]
    [ValidateNotNull]
    public IDictionary? Metadata { get; set; }

    /// <summary>Writes the shards that the source has.</summary>
    [Parameter(HelpMessage = "Split the file as the source is split.")]
    public SwitchParameter KeepSplit { get; set; }

    /// <summary>Bytes of tensor data a shard holds at most.</summary>
    [Parameter(HelpMessage = "Split the file into shards of at most this many bytes: 2GB.")]
    [ValidateRange(1, long.MaxValue)]
    public long? SplitMaxSize { get; set; }

    /// <summary>Tensors a shard holds at most.</summary>
    [Parameter(HelpMessage = "Split the file into shards of at most this many tensors.")]
    [ValidateRange(1, int.MaxValue)]
    public int? SplitMaxTensor { get; set; }

    /// <summary>Takes projectors too where they are named, as llama-quantize does.</summary>
    private protected override bool Takes(ModelKind kind) => kind == ModelKind.Model || (kind == ModelKind.Projector && !IsMatch);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.RefuseTogether(nameof(KeepSplit), nameof(SplitMaxSize), nameof(SplitMaxTensor));
        this.RefuseTogether(nameof(SplitMaxSize), nameof(SplitMaxTensor));
        this.RefuseTogether(nameof(LeaveOutputTensor), nameof(OutputTensorType));
        this.RefuseWithout(nameof(ImportanceMatrix), nameof(IncludeWeight), nameof(ExcludeWeight));
        _options = ReadOptions();
    }

    private QuantizationOptions ReadOptions() => new()
    {
        AllowRequantize = AllowRequantize,
        Pure = Pure,
        OutputTensorType = OutputTensorType?.Type,
        TokenEmbeddingType = TokenEmbeddingType?.Type,
        TensorTypes = [.. TensorType, .. Recipe is null ? [] : OrStop(ResolveUnexpanded(Recipe), RecipeFile.Read)],
        LeaveOutputTensor = LeaveOutputTensor,
        Imatrix = ImportanceMatrix is null
            ? null
            : OrStop(ResolveUnexpanded(ImportanceMatrix), ReadMatrix).Where(IncludeWeight, ExcludeWeight),
        PruneLayers = PruneLayer,
        KeepSplit = KeepSplit,
        Split = SplitOptions,
    };

    private Imatrix.ImatrixFile ReadMatrix(string path) => RunInBackground(
        $"Reading {Formatting.FileName(path)}", (_, token) => Imatrix.ImatrixFile.Open(path, token));

    /// <summary>The options for one model.</summary>
    /// <exception cref="QuantizationException">Metadata given do not fit the model's.</exception>
    private protected QuantizationOptions OptionsFor(GgufFile model)
    {
        try
        {
            return _options with { Metadata = MetadataArguments.ToEntries(Metadata, model.Metadata) };
        }
        catch (ArgumentException exception)
        {
            throw new QuantizationException(exception.Message, exception);
        }
    }

    /// <summary>Says which rules for tensors' types are for no tensor of a model: a name may be misspelt.</summary>
    private protected void WarnOfIdleRules(GgufFile model)
    {
        foreach (TensorTypeRule rule in _options.TensorTypes.Where(rule => !model.Tensors.Any(tensor => rule.Matches(tensor.Name))))
            WriteWarning($"'{rule}' is for no tensor of '{Formatting.FileName(model.Path)}'; Get-GgufTensor lists their names.");
    }

    /// <summary>Reads a file that the user has asked for, without which nothing should be made.</summary>
    private protected TResult OrStop<TResult>(string path, Func<string, TResult> read)
    {
        if (PathErrors.NoFile(path) is { } error)
            ThrowTerminatingError(error);
        try
        {
            return read(path);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            ThrowTerminatingError(exception.ToErrorRecord(path));
            throw;
        }
    }

    private GgufSplitOptions? SplitOptions => (SplitMaxSize, SplitMaxTensor) switch
    {
        (null, null) => null,
        (long size, _) => new() { MaxBytes = size },
        (_, int tensors) => new() { MaxTensors = tensors },
    };
}
