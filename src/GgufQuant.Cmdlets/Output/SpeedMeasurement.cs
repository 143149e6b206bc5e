using GgufQuant.Evaluation.Speed;
using GgufQuant.Formats;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>How fast a model reads a prompt and generates.</summary>
public sealed class SpeedMeasurement
{
    private readonly SpeedResult _result;
    private readonly (double Mean, double Deviation)? _prompt;
    private readonly (double Mean, double Deviation)? _generation;

    internal SpeedMeasurement(ModelInfo model, string engine, int threads, SpeedResult result)
    {
        Path = model.Path;
        FileType = model.Type;
        Size = model.Size;
        Engine = engine;
        ThreadCount = threads;
        _result = result;
        _prompt = SpeedResult.Summarize(result.PromptSamples);
        _generation = SpeedResult.Summarize(result.GenerationSamples);
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The file type's name: <c>Q4_K_M</c>; null if the file does not say.</summary>
    public string? Type => FileType?.ToString();

    /// <summary>The file type; null if it is unknown.</summary>
    public FileType? FileType { get; }

    /// <summary>Size in bytes.</summary>
    public long Size { get; }

    /// <summary>Tokens of the prompt.</summary>
    public int PromptToken => _result.PromptTokens;

    /// <summary>Prompt tokens evaluated per second, the mean of all runs; null if not measured.</summary>
    public double? PromptTokensPerSecond => _prompt?.Mean;

    /// <summary>The standard deviation of the runs.</summary>
    public double? PromptDeviation => _prompt?.Deviation;

    /// <summary>Tokens generated.</summary>
    public int GeneratedToken => _result.GeneratedTokens;

    /// <summary>Tokens generated per second, the mean of all runs; null if not measured.</summary>
    public double? TokensPerSecond => _generation?.Mean;

    /// <summary>The standard deviation of the runs.</summary>
    public double? Deviation => _generation?.Deviation;

    /// <summary>Number of runs.</summary>
    public int Repeat => Math.Max(_result.PromptSamples.Count, _result.GenerationSamples.Count);

    /// <summary>Threads used.</summary>
    public int ThreadCount { get; }

    /// <summary>The engine that ran the model.</summary>
    public string Engine { get; }

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}
