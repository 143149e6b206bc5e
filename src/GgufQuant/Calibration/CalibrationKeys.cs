namespace GgufQuant.Calibration;

/// <summary>The keys and tensor names of a calibration file, which extends llama-imatrix's importance matrix.</summary>
internal static class CalibrationKeys
{
    /// <summary>The <c>general.type</c>, which distinguishes it from models and plain importance matrices.</summary>
    public const string Kind = "calibration";

    /// <summary>The only version so far.</summary>
    public const uint Version = 1;

    public const string VersionKey = "calibration.version";
    public const string Id = "calibration.id";
    public const string ModelHash = "calibration.model_hash";
    public const string TextHash = "calibration.text_hash";

    /// <summary>The weights that have moments.</summary>
    public const string Weights = "calibration.weights";

    /// <summary>For each of them, the weight under whose name its input's moments are stored.</summary>
    public const string Inputs = "calibration.inputs";

    /// <summary>For each of them, the columns per diagonal block.</summary>
    public const string Widths = "calibration.widths";

    public const string ProbeTokens = "calibration.probe_tokens";
    public const string ProbeLength = "calibration.probe_length";

    /// <summary>The groups of tensors whose coefficients have been measured; missing until some are.</summary>
    public const string Groups = "calibration.cost.groups";

    public const string Coefficients = "calibration.cost.coefficients";

    /// <summary>The tensor of each measured output error.</summary>
    public const string ErrorTensors = "calibration.cost.tensors";

    /// <summary>The type of each measured error, by its number in ggml.</summary>
    public const string ErrorTypes = "calibration.cost.types";

    public const string Errors = "calibration.cost.errors";
    public const string StandardErrors = "calibration.cost.standard_errors";

    public const string MomentsSuffix = ".in_moments";
    public const string TokensSuffix = ".in_tokens";
}
