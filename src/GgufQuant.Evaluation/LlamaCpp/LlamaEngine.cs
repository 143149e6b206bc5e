using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.LlamaCpp;

/// <summary>llama.cpp v0.5.0 through its prebuilt libraries.</summary>
public sealed class LlamaEngine : IInferenceEngine
{
    private LlamaEngine(string folder) => Folder = folder;

    /// <summary>Receives llama.cpp's log, line by line, on any thread; null to drop it.</summary>
    public static Action<LlamaLogLevel, string>? Log
    {
        get => LlamaLog.Receiver;
        set => LlamaLog.Receiver = value;
    }

    /// <summary>Where the module keeps this platform's libraries: <c>native/linux-x64</c> and so on beside this assembly.</summary>
    public static string DefaultFolder { get; } =
        Path.Combine(Path.GetDirectoryName(typeof(LlamaEngine).Assembly.Location) ?? "", "native", PlatformName);

    /// <inheritdoc/>
    public string Name => "llama.cpp v0.5.0";

    /// <summary>The folder of the libraries.</summary>
    public string Folder { get; }

    private static string PlatformName =>
        $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux")}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>Loads the libraries; a process can hold those of one folder only, and a second call with it is free.</summary>
    /// <param name="folder">The folder of the libraries; null for <see cref="DefaultFolder"/>.</param>
    /// <exception cref="EngineMissingException">The folder lacks them, or they do not load here.</exception>
    /// <exception cref="EngineVersionException">They are of another version.</exception>
    public static LlamaEngine Start(string? folder = null)
    {
        folder ??= DefaultFolder;
        LlamaLibrary.Load(folder);
        return new(folder);
    }

    /// <inheritdoc/>
    public ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken) =>
        LlamaModel.Load(path, options, cancellationToken);
}
