using System.Management.Automation;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Compares how quantized models and their reference continue prompts.</summary>
[Cmdlet(VerbsDiagnostic.Test, "GgufGeneration", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GenerationTest))]
public sealed class TestGgufGenerationCommand : EngineCommand
{
    private ReferencePairs? _pairs;
    private RemoteGenerationMeter? _meter;
    private string? _meteredReference;

    /// <summary>The model to compare with; from the pipeline, the source of a converted file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true,
        HelpMessage = "The model to compare with; default: the source of converted files, otherwise the most precise file.")]
    [Alias("Source")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    /// <summary>Texts to continue.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "Texts that each model continues.")]
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
        _pairs = new(this, Reference is not null, Compare);
        OpenEngine();
        Session!.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    private protected override string Variant => Reference ?? "";

    /// <inheritdoc/>
    protected override void ProcessFile(string path) => _pairs!.Add(path, Reference);

    /// <inheritdoc/>
    protected override void EndProcessing() => _pairs!.CompareWaiting();

    private void Compare(GgufFile reference, GgufFile candidate)
    {
        if (candidate.Path == reference.Path)
            return;
        if (reference.Path != _meteredReference)
            StartMeter(reference.Path);
        if (_meter is null)
            return;
        IReadOnlyList<GenerationComparison> comparisons = RunInBackground(
            $"Generating with {Formatting.FileName(candidate.Path)}",
            (progress, token) => _meter.Measure(candidate.Path, progress, token));
        foreach (GenerationComparison comparison in comparisons)
            WriteObject(new GenerationTest(reference.Path, candidate.Path, ModelInfo.Read(candidate).Type, comparison));
    }

    // If the reference cannot be run, one error covers all its files.
    private void StartMeter(string reference)
    {
        Session!.WaitUntilStarted();
        _meteredReference = reference;
        RemoteGenerationMeter meter = new(Session.Engine, reference, Prompt, new() { MaximumTokens = MaxToken, Threads = ThreadCount });
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
