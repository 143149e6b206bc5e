using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Converts Hugging Face models to GGUF, with the bytes of llama.cpp's converter.</summary>
[Cmdlet(VerbsData.ConvertTo, "Gguf", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(QuantizedFile))]
public sealed class ConvertToGgufCommand : PathCommand
{
    private Destinations _destinations = new();

    /// <summary>The type of the weights.</summary>
    [Parameter(Position = 1, HelpMessage = "Auto, F32, F16, BF16, Q8_0, TQ1_0 or TQ2_0; default: BF16 or F16, as in the folder.")]
    public ConversionType Type { get; set; }

    /// <summary>A file or a folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: next to the model's folder, named as by llama.cpp's converter.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>The model's name.</summary>
    [Parameter(HelpMessage = "The model's name; default: from its card or its folder.")]
    [ValidateNotNullOrEmpty]
    public string? ModelName { get; set; }

    /// <summary>A file of general metadata.</summary>
    [Parameter(HelpMessage = "A JSON file of general.* metadata that overrides the folder's.")]
    [ValidateNotNullOrEmpty]
    public string? Metadata { get; set; }

    /// <summary>The name of the pre-tokenizer.</summary>
    [Parameter(HelpMessage = "The name of the pre-tokenizer, such as llama-bpe, if it is not recognized.")]
    [ArgumentCompleter(typeof(PreTokenizerCompleter))]
    [ValidateNotNullOrEmpty]
    public string? PreTokenizer { get; set; }

    /// <summary>Writes only the vocabulary.</summary>
    [Parameter(HelpMessage = "Write the vocabulary without tensors.")]
    public SwitchParameter VocabularyOnly { get; set; }

    /// <summary>Maximum bytes of tensor data per shard.</summary>
    [Parameter(HelpMessage = "Split the file into shards of at most this many bytes: 2GB.")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? SplitMaxSize { get; set; }

    /// <summary>Maximum number of tensors per shard.</summary>
    [Parameter(HelpMessage = "Split the file into shards of at most this many tensors.")]
    [ValidateRange(1, int.MaxValue)]
    public int? SplitMaxTensor { get; set; }

    /// <summary>The shards to write.</summary>
    [Parameter(HelpMessage = "Write only these shards, counted from 1: with -SplitMaxSize or -SplitMaxTensor.")]
    [ValidateRange(1, ushort.MaxValue)]
    [ValidateNotNullOrEmpty]
    public int[] Shard { get; set; } = [];

    /// <summary>Keeps files that are finished.</summary>
    [Parameter(HelpMessage = "Keep a file or shard that exists with the planned header and length and is not older than its source.")]
    public SwitchParameter SkipExisting { get; set; }

    /// <summary>Converts FP8 weights to Q8_0.</summary>
    [Parameter(HelpMessage = "Convert FP8 weights to Q8_0.")]
    public SwitchParameter Fp8AsQ8 { get; set; }

    /// <summary>Overwrites existing files.</summary>
    [Parameter(HelpMessage = "Overwrite existing files.")]
    public SwitchParameter Force { get; set; }

    /// <summary>Takes every folder; the conversion reports what is missing.</summary>
    internal override bool TakesFolder(string path) => Directory.Exists(path) && (!IsMatch || HuggingFaceModel.IsModelFolder(path));

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        this.ThrowIfBothBound(nameof(SplitMaxSize), nameof(SplitMaxTensor));
        this.ThrowIfBothBound(nameof(VocabularyOnly), nameof(Fp8AsQ8), nameof(SplitMaxSize), nameof(SplitMaxTensor));
        this.ThrowIfMissingAll(nameof(Shard), nameof(SplitMaxSize), nameof(SplitMaxTensor));
        _destinations = DestinationsAt(Destination, ".gguf");
        if (Metadata is null)
            return;
        Metadata = this.ResolveUnexpanded(Metadata);
        if (PathErrors.NoFile(Metadata) is { } error)
            ThrowTerminatingError(error);
    }

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        if (File.Exists(path))
        {
            PassOver(path);
            return;
        }
        using HuggingFaceModel model = HuggingFaceModel.Open(path, new()
        {
            Type = Type,
            ModelName = ModelName,
            MetadataPath = Metadata,
            PreTokenizer = PreTokenizer,
            VocabularyOnly = VocabularyOnly,
            Fp8AsQ8 = Fp8AsQ8,
        });
        Tell(model);
        Convert(model);
    }

    private void Convert(HuggingFaceModel model)
    {
        string source = model.File.Path;
        string destination = _destinations.For(source, model.DefaultName);
        if (ShardSelection.Of(this, model.LayOut(Split), Shard, destination, SkipExisting ? model.File.SourcePaths : null, Force) is not { } selection)
            return;
        WrittenFile? result = null;
        if (selection.Missing.Numbers.Count > 0)
        {
            IReadOnlyList<string> paths = selection.Missing.PathsAt(destination);
            string action = $"Convert '{Formatting.FileName(source)}' to {model.Type} and write {Formatting.Size(selection.Missing.Length)} to '{paths[0]}'.";
            if (!ShouldProcess(action, $"{action} Continue?", "ConvertTo-Gguf"))
                return;
            // What another machine has finished in the meantime has the same bytes.
            bool replaces = Force || SkipExisting;
            if (!_destinations.TryPrepare(this, [.. model.File.SourcePaths], replaces, paths))
                return;
            result = RunInBackground(
                $"Converting {Formatting.FileName(source)} to {model.Type}",
                (progress, token) => model.Write(destination, selection.Missing, replaces, progress: progress, token: token));
            _destinations.Keep(source, paths);
        }
        WriteObject(new QuantizedFile(model.Describe(destination, selection.Chosen, TimeSpan.Zero), result, selection.Paths, selection.KeptPaths));
    }

    // Wildcards find files among the folders.
    private void PassOver(string path)
    {
        if (IsMatch)
            WriteVerbose($"'{path}' is skipped: it is a file, not the folder of a Hugging Face model.");
        else
            WriteError(PathErrors.IsFile(path));
    }

    private GgufSplitOptions? Split => (SplitMaxSize, SplitMaxTensor) switch
    {
        (null, null) => null,
        (long size, _) => new() { MaxBytes = size },
        (_, int tensors) => new() { MaxTensors = tensors },
    };
}
