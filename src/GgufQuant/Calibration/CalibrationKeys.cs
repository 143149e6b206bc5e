namespace GgufQuant.Calibration;

/// <summary>The keys and names of a calibration file, which is an importance matrix of llama-imatrix's with more in it.</summary>
internal static class CalibrationKeys
{
    /// <summary>The <c>general.type</c>, which keeps it apart from models and plain importance matrices.</summary>
    public const string Kind = "calibration";

    /// <summary>The only version there is.</summary>
    public const uint Version = 1;

    public const string VersionKey = "calibration.version";
    public const string Id = "calibration.id";
    public const string ModelHash = "calibration.model_hash";

    /// <summary>The weights that have moments.</summary>
    public const string Weights = "calibration.weights";

    /// <summary>Of each of them the weight that stands for its input; the moments are stored under that one's name.</summary>
    public const string Inputs = "calibration.inputs";

    /// <summary>Of each of them the columns of a diagonal block.</summary>
    public const string Widths = "calibration.widths";

    public const string ProbeTokens = "calibration.probe_tokens";
    public const string ProbeLength = "calibration.probe_length";

    public const string MomentsSuffix = ".in_moments";
    public const string TokensSuffix = ".in_tokens";
}
