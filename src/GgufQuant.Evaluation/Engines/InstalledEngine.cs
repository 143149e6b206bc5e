namespace GgufQuant.Evaluation.Engines;

/// <summary>An installed engine, whether or not it can run here.</summary>
/// <param name="Location">Its name and files.</param>
/// <param name="Version">Its version, for messages and reports.</param>
/// <param name="Backend">The NuGet package its libraries come from.</param>
/// <param name="UnavailableReason">Why it cannot run here; null if no reason is known.</param>
public sealed record InstalledEngine(EngineLocation Location, string Version, string Backend, string? UnavailableReason)
{
    /// <summary>Its name.</summary>
    public string Name => Location.Name;

    /// <summary>The folder with its libraries.</summary>
    public string Path => Location.NativesFolder;

    /// <summary>Whether it can run here, as far as is known.</summary>
    public bool IsAvailable => UnavailableReason is null;
}
