using System.Management.Automation;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Has quantized models continue prompts, beside their reference.</summary>
[Cmdlet(VerbsDiagnostic.Test, "GgufGeneration", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GenerationTest))]
public sealed class TestGgufGenerationCommand : ReferenceCommand
{
    private EngineSession? _engine;
    private GenerationMeter? _meter;
    private string? _meteredReference;

    /// <summary>Texts to be continued.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "Texts that each model continues.")]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

    /// <summary>Tokens to generate at most.</summary>
    [Parameter(HelpMessage = "Tokens to generate at most.")]
    [ValidateRange(1, 1 << 20)]
    public int MaxToken { get; set; } = new GenerationOptions().MaximumTokens;

    /// <summary>Processor threads to use.</summary>
    [Parameter(HelpMessage = "Threads; default: all cores.")]
    [ValidateRange(1, 1024)]
    public int Threads { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => _engine = EngineSession.Start(this);

    /// <inheritdoc/>
    protected override void Compare(GgufFile reference, GgufFile candidate)
    {
        if (reference.Path != _meteredReference)
            _meter = new(_engine!.Engine, reference.Path, Prompt, new() { MaximumTokens = MaxToken, Threads = Threads });
        _meteredReference = reference.Path;
        if (candidate.Path == reference.Path)
            return;
        IReadOnlyList<GenerationComparison> comparisons = RunInBackground(
            $"Generating with {Formatting.FileName(candidate.Path)}", (progress, token) => _meter!.Measure(candidate.Path, new GenerationStatus(progress), token));
        foreach (GenerationComparison comparison in comparisons)
            WriteObject(new GenerationTest(reference.Path, candidate.Path, ModelInfo.Read(candidate).Type, comparison));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _engine?.Dispose();
        base.Dispose(disposing);
    }
}
