using System.Management.Automation;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that runs models in an engine.</summary>
public abstract class EngineCommand : PathCommand
{
    private readonly HashSet<string> _corpora = new(StringComparer.Ordinal);
    private readonly PathSpellings _spellings = new();

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

    /// <summary>The engine, once <see cref="OpenEngine"/> has found it.</summary>
    internal EngineSession? Session { get; private set; }

    /// <summary>Finds the engine, which starts on first use.</summary>
    /// <param name="isRequired">Whether the cmdlet ends with an error without one, rather than doing what needs none.</param>
    private protected void OpenEngine(bool isRequired = true)
    {
        try
        {
            FindEngine();
        }
        catch (InferenceException exception)
        {
            ErrorRecord error = exception.ToErrorRecord(EngineFolder.Of(this));
            if (isRequired)
                ThrowTerminatingError(error);
            WriteError(error);
        }
    }

    /// <summary>Finds the engine, which starts on first use.</summary>
    /// <exception cref="InferenceException">There is no such engine.</exception>
    private protected EngineSession FindEngine() => Session ??= new(this, Engine, EngineTimeoutSeconds);

    /// <summary>The full path of a text to run models over; if it cannot be read, the cmdlet ends with an error.</summary>
    private protected string ResolveCorpus(string path)
    {
        string full = this.ResolveUnexpanded(path);
        if (_corpora.Add(_spellings.Of(full)) && ReadOrThrowTerminating(full, file => InputText.Read(file).Changes) is { Count: > 0 } changes)
            WriteWarning($"'{Formatting.FileName(full)}' is not plain UTF-8 with line feeds: {string.Join("; ", changes)}. llama.cpp takes the bytes as they are, so its results for this file differ.");
        return full;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Session?.Dispose();
        base.Dispose(disposing);
    }
}
