using System.Management.Automation;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Compares how quantized models and their reference continue prompts.</summary>
[Cmdlet(VerbsDiagnostic.Test, "GgufGeneration", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GenerationTest))]
public sealed class TestGgufGenerationCommand : ReferenceCommand
{
    private EngineSession? _engine;
    private RemoteGenerationMeter? _meter;
    private string? _meteredReference;

    /// <summary>Texts to continue.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "Texts that each model continues.")]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

    /// <summary>Maximum number of tokens to generate.</summary>
    [Parameter(HelpMessage = "Maximum number of tokens to generate.")]
    [ValidateRange(1, 1 << 20)]
    public int MaxToken { get; set; } = new GenerationOptions().MaximumTokens;

    /// <summary>Processor threads to use.</summary>
    [Parameter(HelpMessage = "Threads; default: all cores.")]
    [Alias("Threads")]
    [ValidateRange(1, 1024)]
    public int ThreadCount { get; set; }

    /// <summary>The engine that runs the models; null for the newest available.</summary>
    [Parameter(HelpMessage = "The engine that runs the models, by its name in Get-QuantEngine; default: the newest available.")]
    [ArgumentCompleter(typeof(EngineCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Engine { get; set; }

    /// <summary>Seconds of silence after which the engine is killed.</summary>
    [Parameter(HelpMessage = "Seconds without a sign of life after which the engine is killed; default: 60.")]
    [ValidateRange(1, 86400)]
    public int EngineTimeoutSeconds { get; set; } = (int)RemoteEngine.DefaultSilence.TotalSeconds;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _engine = EngineSession.Open(this, Engine, EngineTimeoutSeconds);
        _engine.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    protected override void Compare(GgufFile reference, GgufFile candidate)
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

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _engine?.Dispose();
        base.Dispose(disposing);
    }

    // If the reference cannot be run, one error covers all its files.
    private void StartMeter(string reference)
    {
        _engine!.WaitUntilStarted();
        _meteredReference = reference;
        RemoteGenerationMeter meter = new(_engine.Engine, reference, Prompt, new() { MaximumTokens = MaxToken, Threads = ThreadCount });
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
