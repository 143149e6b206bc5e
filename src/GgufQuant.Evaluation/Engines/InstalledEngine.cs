namespace GgufQuant.Evaluation.Engines;

/// <summary>An installed engine, whether or not it can run here.</summary>
/// <param name="location">Its name and files.</param>
/// <param name="version">Its version, for messages and reports.</param>
/// <param name="backend">The NuGet package its libraries come from.</param>
/// <param name="unavailableReason">Why it cannot run here; null if no reason is known.</param>
public sealed class InstalledEngine(EngineLocation location, string version, string backend, string? unavailableReason)
{
    /// <summary>Its name.</summary>
    public string Name => location.Name;

    /// <summary>Its version.</summary>
    public string Version => version;

    /// <summary>The NuGet package its libraries come from.</summary>
    public string Backend => backend;

    /// <summary>The folder with its libraries.</summary>
    public string Path => location.NativesFolder;

    /// <summary>Whether it can run here, as far as is known.</summary>
    public bool IsAvailable => unavailableReason is null;

    /// <summary>Why it cannot run here; null if no reason is known.</summary>
    public string? UnavailableReason => unavailableReason;

    /// <summary>All its files.</summary>
    public EngineLocation GetLocation() => location;

    /// <summary>The engine's name.</summary>
    public override string ToString() => Name;
}
