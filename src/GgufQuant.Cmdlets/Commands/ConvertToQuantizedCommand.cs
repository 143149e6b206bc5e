using System.Collections;
using System.Management.Automation;
using System.Security.Cryptography;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Planning;
using GgufQuant.Quantization;

namespace GgufQuant.Commands;

/// <summary>Quantizes a model to one or several types, with the bytes of llama.cpp.</summary>
[Cmdlet(VerbsData.ConvertTo, "Quantized", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(QuantizedFile), typeof(PlannedFile))]
public sealed class ConvertToQuantizedCommand : ModelCommand
{
    private Destinations _destinations = new(destination: null, isFolder: false);
    private QuantizationOptions _options = QuantizationOptions.Default;
    private Quantizer _quantizer = new();

    /// <summary>The file types to make.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "One or more file types: Q4_K_M, Q8_0, ...")]
    [QuantTypeTransformation]
    [ArgumentCompleter(typeof(QuantNameCompleter))]
    public QuantType[] Type { get; set; } = [];

    /// <summary>A file or a folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: beside the source, as model-Q4_K_M.gguf.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Replaces files that exist.</summary>
    [Parameter(HelpMessage = "Replace files that exist.")]
    public SwitchParameter Force { get; set; }

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

    /// <summary>Processor threads to use.</summary>
    [Parameter(HelpMessage = "Threads; default: all cores. The file is the same whatever their number.")]
    [ValidateRange(1, 1024)]
    public int Threads { get; set; }

    /// <summary>Bytes of memory to use at most.</summary>
    [Parameter(HelpMessage = "Memory to use at most, whatever the model's size: 512MB, 2GB.")]
    [ValidateRange(64L << 20, long.MaxValue)]
    public long MemoryBudget { get; set; } = new QuantizerOptions().MemoryBudget;

    /// <summary>Computes the SHA-256 of each file.</summary>
    [Parameter(HelpMessage = "Compute the SHA-256 of each file.")]
    public SwitchParameter Hash { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (Destination is not null)
            _destinations = Destinations.At(Destination, ResolveUnexpanded(Destination));
        if (_destinations.IsFile && Type.Length > 1)
        {
            ThrowTerminatingError(new(
                new ArgumentException($"'{Destination}' is one file, but {Type.Length} types were asked for. Give -Destination a folder."),
                "DestinationIsFile", ErrorCategory.InvalidArgument, Destination));
        }
        _options = new()
        {
            AllowRequantize = AllowRequantize,
            Pure = Pure,
            OutputTensorType = OutputTensorType?.Type,
            TokenEmbeddingType = TokenEmbeddingType?.Type,
            TensorTypes = TensorType,
            LeaveOutputTensor = LeaveOutputTensor,
            ImportanceMatrix = ImportanceMatrix is null ? null : OpenMatrix(ResolveUnexpanded(ImportanceMatrix)),
            PruneLayers = PruneLayer,
        };
        _quantizer = new(new() { Threads = Threads, MemoryBudget = MemoryBudget });
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        QuantizationOptions options;
        try
        {
            options = _options with { Metadata = MetadataArguments.ToEntries(Metadata, model.Metadata) };
        }
        catch (ArgumentException exception)
        {
            WriteError(new(exception, "InvalidMetadata", ErrorCategory.InvalidArgument, model.Path));
            return;
        }
        foreach (QuantType type in Type.Distinct())
        {
            try
            {
                Convert(QuantizationPlan.Create(model, type.Type, options));
            }
            catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
            {
                WriteError(exception.ToErrorRecord(model.Path));
            }
        }
    }

    private ImportanceMatrix? OpenMatrix(string path)
    {
        try
        {
            return Imatrix.ImportanceMatrix.Open(path).Where(IncludeWeight, ExcludeWeight);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            // Nothing that needs the matrix should be made without it.
            ThrowTerminatingError(exception.ToErrorRecord(path));
            return null;
        }
    }

    private void Convert(QuantizationPlan plan)
    {
        string source = Formatting.FileName(plan.Source.Path);
        string destination = _destinations.For(plan.Source.Path, plan.Type);
        string action = $"Quantize '{source}' to {plan.Type} and write {Formatting.Size(plan.TotalBytes)} to '{destination}'.";
        if (!ShouldProcess(action, $"{action} Continue?", "ConvertTo-Quantized", out ShouldProcessReason reason))
        {
            if (reason == ShouldProcessReason.WhatIf)
                WriteObject(new PlannedFile(plan, destination));
            return;
        }
        if (_destinations.Claim(destination, Force) is ErrorRecord refusal)
        {
            WriteError(refusal);
            return;
        }

        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(destination)!);
        QuantizationResult result = RunInBackground(
            $"Quantizing {source} to {plan.Type}",
            (progress, token) => _quantizer.Run(plan, destination, Force, new QuantizationStatus(progress), token));
        WriteObject(new QuantizedFile(result, Hash ? HashOf(destination) : null));
    }

    private string HashOf(string path) => RunInBackground(
        $"Hashing {Formatting.FileName(path)}",
        (progress, token) =>
        {
            using FileStream file = File.OpenRead(path);
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            byte[] buffer = new byte[1 << 20];
            for (int read; (read = file.Read(buffer)) > 0;)
            {
                token.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
                progress.Report(new(Formatting.Size(file.Length), (double)file.Position / file.Length, Remaining: null));
            }
            return System.Convert.ToHexString(hash.GetHashAndReset());
        });

    private sealed class QuantizationStatus(IProgress<WorkProgress> progress) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) =>
            progress.Report(new($"{value.Tensor}, {Formatting.Rate(value.WeightsPerSecond)}", value.Share, value.Remaining));
    }
}
