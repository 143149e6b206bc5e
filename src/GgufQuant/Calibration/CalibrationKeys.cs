using GgufQuant.Gguf;

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

    public const string MomentsSuffix = ".in_moments";
    public const string TokensSuffix = ".in_tokens";

    /// <summary>The value of an array's key.</summary>
    /// <exception cref="CalibrationException">It is missing, or has values of another type.</exception>
    public static T[] Array<T>(GgufFile file, string key) =>
        file.Metadata.Find(key)?.Value as T[] ?? throw Invalid(file, key, "it is missing or has another type");

    /// <summary>What is wrong with a key.</summary>
    public static CalibrationException Invalid(GgufFile file, string key, string problem) =>
        Invalid(file, $"metadata '{key}'", file.Metadata.Find(key)?.FileOffset ?? 0, problem);

    /// <summary>What is wrong with a field.</summary>
    public static CalibrationException Invalid(GgufFile file, string field, long offset, string problem) =>
        new($"'{file.Path}' cannot be read as a calibration. {field} at byte {offset}: {problem}.");
}
