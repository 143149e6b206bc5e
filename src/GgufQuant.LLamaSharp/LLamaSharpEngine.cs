using System.Collections.Concurrent;
using System.Reflection;
using GgufQuant.Evaluation.Engines;
using LLama;
using LLama.Common;
using LLama.Exceptions;
using LLama.Native;

namespace GgufQuant.LLamaSharp;

/// <summary>llama.cpp as LLamaSharp packages it.</summary>
public sealed class LLamaSharpEngine : IInferenceEngine
{
    private static readonly ConcurrentQueue<string> s_complaints = new();

    private LLamaSharpEngine()
    {
    }

    /// <inheritdoc/>
    public string Name { get; } = "LLamaSharp " + typeof(LLamaSharpEngine).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "LLamaSharpVersion").Value;

    /// <summary>Loads LLamaSharp's libraries.</summary>
    /// <param name="nativesFolder">The folder that holds them.</param>
    /// <param name="log">Receives llama.cpp's log on any thread; null to drop it.</param>
    /// <exception cref="EngineMissingException">No backend package's library loads here.</exception>
    public static LLamaSharpEngine Start(string nativesFolder, Action<GgufQuant.Evaluation.Engines.LlamaLogLevel, string>? log)
    {
        if (!NativeLibraryConfig.LLama.LibraryHasLoaded)
            NativeLibraryConfig.All.WithSearchDirectory(nativesFolder).WithLogCallback((level, line) => OnLog(level, line.TrimEnd(), log));
        try
        {
            NativeApi.llama_empty_call();
        }
        catch (Exception exception) when (exception is RuntimeError or TypeInitializationException or DllNotFoundException)
        {
            throw new EngineMissingException($"LLamaSharp's native library cannot be loaded: {exception.Message}", exception);
        }
        return new();
    }

    /// <inheritdoc/>
    public ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ModelParams parameters = new(path) { GpuLayerCount = options.GpuLayers };
        IProgress<float>? progress = options.Progress is { } receiver ? new Forwarder(receiver) : null;
        LLamaWeights weights;
        s_complaints.Clear();
        try
        {
            weights = LLamaWeights.LoadFromFileAsync(parameters, cancellationToken, progress).GetAwaiter().GetResult();
        }
        catch (LoadWeightsFailedException)
        {
            throw LoadFailure.Of(path, "LLamaSharp", [.. s_complaints]);
        }
        try
        {
            return new LLamaSharpModel(path, weights);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private static void OnLog(LLamaLogLevel level, string line, Action<GgufQuant.Evaluation.Engines.LlamaLogLevel, string>? log)
    {
        if (level == LLamaLogLevel.Error)
            s_complaints.Enqueue(line);
        log?.Invoke(LevelOf(level), line);
    }

    private static GgufQuant.Evaluation.Engines.LlamaLogLevel LevelOf(LLamaLogLevel level) => level switch
    {
        LLamaLogLevel.Error => GgufQuant.Evaluation.Engines.LlamaLogLevel.Error,
        LLamaLogLevel.Warning => GgufQuant.Evaluation.Engines.LlamaLogLevel.Warning,
        LLamaLogLevel.Info => GgufQuant.Evaluation.Engines.LlamaLogLevel.Information,
        _ => GgufQuant.Evaluation.Engines.LlamaLogLevel.Debug,
    };

    private sealed class Forwarder(IProgress<double> receiver) : IProgress<float>
    {
        public void Report(float value) => receiver.Report(value);
    }
}
