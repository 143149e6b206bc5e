using System.Management.Automation;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Compares how quantized models and their reference continue prompts.</summary>
[Cmdlet(VerbsData.Compare, "GgufGeneration", DefaultParameterSetName = PathSet)]
[Alias("Test-GgufGeneration")]
[OutputType(typeof(GgufGeneration))]
public sealed class CompareGgufGenerationCommand : EngineCommand
{
    // What to compare, by the prompts: objects from the pipeline may have their own.
    private readonly OrderedDictionary<string, ReferencePairs> _pairs = [];
    private bool _isReferenceGiven;
    private RemoteGenerationMeter? _meter;
    private (string Reference, string[] Prompts) _metered;

    /// <summary>The model to compare with; from the pipeline, the source of a converted file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true,
        HelpMessage = "The model to compare with; default: the source of converted files, otherwise the most precise file.")]
    [Alias("Source")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    /// <summary>Texts to continue.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true,
        HelpMessage = "Texts that each model continues.")]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

    /// <summary>Maximum number of tokens to generate.</summary>
    [Parameter(HelpMessage = "Maximum number of tokens to generate.")]
    [ValidateRange(1, 1 << 20)]
    public int MaxToken { get; set; } = new GenerationOptions().MaximumTokens;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _isReferenceGiven = Reference is not null;
        OpenEngine();
        Session!.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    private protected override string Variant => $"{Reference}\n{string.Join('\n', Prompt)}";

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        string[] prompts = Prompt;
        string key = string.Join('\n', prompts);
        if (!_pairs.TryGetValue(key, out ReferencePairs? pairs))
            _pairs[key] = pairs = new(this, _isReferenceGiven, (reference, candidate) => Compare(reference, candidate, prompts));
        pairs.Add(path, Reference);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (ReferencePairs pairs in _pairs.Values)
            pairs.CompareWaiting();
    }

    private void Compare(GgufFile reference, GgufFile candidate, string[] prompts)
    {
        if (PathIdentity.AreSame(candidate.Path, reference.Path))
            return;
        if (_metered != (reference.Path, prompts))
            StartMeter(reference.Path, prompts);
        if (_meter is null)
            return;
        IReadOnlyList<GenerationComparison> comparisons = RunInBackground(
            $"Generating with {Formatting.FileName(candidate.Path)}",
            (progress, token) => _meter.Measure(candidate.Path, progress, token));
        foreach (GenerationComparison comparison in comparisons)
            WriteObject(new GgufGeneration(reference.Path, candidate.Path, ModelInfo.Read(candidate).Type, comparison));
    }

    // If the reference cannot be run, one error covers all its files.
    private void StartMeter(string reference, string[] prompts)
    {
        Session!.WaitUntilStarted();
        _metered = (reference, prompts);
        RemoteGenerationMeter meter = new(Session.Engine, reference, prompts, new() { MaximumTokens = MaxToken, Threads = ThreadCount });
        try
        {
            RunInBackground(
                $"Generating with {Formatting.FileName(reference)}",
                (progress, token) => meter.MeasureReference(progress, token));
            _meter = meter;
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(reference));
            _meter = null;
        }
    }
}
