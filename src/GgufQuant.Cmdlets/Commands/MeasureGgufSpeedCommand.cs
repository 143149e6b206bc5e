using System.Management.Automation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Speed;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Measures how fast models read a prompt and generate.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "GgufSpeed", DefaultParameterSetName = PathSet)]
[OutputType(typeof(SpeedMeasurement))]
public sealed class MeasureGgufSpeedCommand : EngineCommand
{
    private RemoteSpeedMeter? _meter;

    /// <summary>Tokens of the prompt.</summary>
    [Parameter(HelpMessage = "Tokens of the prompt; 0 to leave it out.")]
    [ValidateRange(0, 1 << 20)]
    public int PromptToken { get; set; } = new SpeedOptions().PromptTokens;

    /// <summary>Tokens to generate.</summary>
    [Parameter(HelpMessage = "Tokens to generate; 0 to leave it out.")]
    [ValidateRange(0, 1 << 20)]
    public int GeneratedToken { get; set; } = new SpeedOptions().GeneratedTokens;

    /// <summary>How often each speed is measured.</summary>
    [Parameter(HelpMessage = "How often each speed is measured.")]
    [ValidateRange(1, 1000)]
    public int Repeat { get; set; } = new SpeedOptions().Repetitions;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (PromptToken == 0 && GeneratedToken == 0)
        {
            ThrowTerminatingError(new(
                new ArgumentException("-PromptToken and -GeneratedToken are both 0, so there is nothing to measure."), "NothingToMeasure", ErrorCategory.InvalidArgument, null));
        }
        OpenEngine();
        Session!.Engine.StartInBackground();
    }

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        if (_meter is null)
        {
            Session!.WaitUntilStarted();
            _meter = new(Session.Engine, new() { PromptTokens = PromptToken, GeneratedTokens = GeneratedToken, Repetitions = Repeat, Threads = ThreadCount });
        }
        string name = Formatting.FileName(model.Path);
        SpeedResult result = RunInBackground($"Measuring the speed of {name}", (progress, token) => _meter.Measure(model.Path, progress, token));
        if (result.PromptTokens < PromptToken || result.GeneratedTokens < GeneratedToken)
            WriteWarning($"'{name}' was trained with a context of {Math.Max(result.PromptTokens, result.GeneratedTokens)} tokens, so no more are measured.");
        WriteObject(new SpeedMeasurement(ModelInfo.Read(model), Session!.Name, ThreadCount > 0 ? ThreadCount : Environment.ProcessorCount, result));
    }
}
