namespace GgufQuant.Calibration;

/// <summary>How the weights of a file are rounded.</summary>
public enum RoundingMethod
{
    /// <summary>With the moments of their inputs, where these help a type.</summary>
    Moments,

    /// <summary>As ggml rounds, with an importance matrix.</summary>
    Ggml,
}
