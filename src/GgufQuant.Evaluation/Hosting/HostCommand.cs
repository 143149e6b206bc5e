namespace GgufQuant.Evaluation.Hosting;

/// <summary>The program that runs as the engine process: it must load this assembly and call <see cref="EngineHost.Run"/>.</summary>
/// <param name="FileName">Full path of the program.</param>
/// <param name="Arguments">Its arguments.</param>
public sealed record HostCommand(string FileName, IReadOnlyList<string> Arguments)
{
    /// <summary>Environment variables to set in addition to those of this process.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}
