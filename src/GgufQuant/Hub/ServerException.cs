namespace GgufQuant.Hub;

/// <summary>A server does not give what was asked of it, or cannot be reached.</summary>
/// <param name="message">What went wrong, in sentences.</param>
/// <param name="inner">What caused it.</param>
public sealed class ServerException(string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Whether the same request may succeed later.</summary>
    internal bool IsTransient { get; init; }

    /// <summary>How long the server asks to wait before the next request; null if it does not say.</summary>
    internal TimeSpan? RetryAfter { get; init; }
}
