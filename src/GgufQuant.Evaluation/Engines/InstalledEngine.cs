namespace GgufQuant.Evaluation.Engines;

/// <summary>An engine that is installed, whether or not it can run here.</summary>
/// <param name="Location">Its name and files.</param>
/// <param name="Version">Its version, for messages and reports.</param>
/// <param name="Backend">The NuGet package its libraries come from.</param>
/// <param name="UnavailableReason">Why it cannot run here; null if nothing is known to prevent it.</param>
public sealed record InstalledEngine(EngineLocation Location, string Version, string Backend, string? UnavailableReason)
{
    /// <summary>The name it is chosen by.</summary>
    public string Name => Location.Name;

    /// <summary>The folder of its libraries.</summary>
    public string Path => Location.NativesFolder;

    /// <summary>Whether nothing is known to prevent it from running here.</summary>
    public bool IsAvailable => UnavailableReason is null;
}
