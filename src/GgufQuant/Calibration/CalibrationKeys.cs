namespace GgufQuant.Calibration;

/// <summary>The keys and names of a calibration file, which is an importance matrix of llama-imatrix's with more in it.</summary>
internal static class CalibrationKeys
{
    /// <summary>The <c>general.type</c>, which distinguishes it from models and plain importance matrices.</summary>
    public const string Kind = "calibration";

    /// <summary>The only version so far.</summary>
    public const uint Version = 1;

    public const string VersionKey = "calibration.version";
    public const string Id = "calibration.id";
    public const string ModelHash = "calibration.model_hash";

    /// <summary>The weights that have moments.</summary>
    public const string Weights = "calibration.weights";

    /// <summary>For each of them, the weight that represents its input; the moments are stored under its name.</summary>
    public const string Inputs = "calibration.inputs";

    /// <summary>For each of them, the columns per diagonal block.</summary>
    public const string Widths = "calibration.widths";

    public const string ProbeTokens = "calibration.probe_tokens";
    public const string ProbeLength = "calibration.probe_length";

    public const string MomentsSuffix = ".in_moments";
    public const string TokensSuffix = ".in_tokens";
}
