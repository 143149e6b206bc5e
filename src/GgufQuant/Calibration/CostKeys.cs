namespace GgufQuant.Calibration;

/// <summary>The keys of what types cost a model, for one way to round.</summary>
/// <param name="Prefix">What the keys begin with.</param>
internal sealed record CostKeys(string Prefix)
{
    private static readonly CostKeys s_moments = new("calibration.cost");
    private static readonly CostKeys s_ggml = new("calibration.ggml_cost");

    /// <summary>The groups of tensors whose coefficients have been measured; missing until some are.</summary>
    public string Groups => Prefix + ".groups";

    public string Coefficients => Prefix + ".coefficients";

    /// <summary>A tensor for each output error that has been measured.</summary>
    public string ErrorTensors => Prefix + ".tensors";

    /// <summary>Of each error the type that was rounded to, by its number in ggml.</summary>
    public string ErrorTypes => Prefix + ".types";

    public string Errors => Prefix + ".errors";

    public string StandardErrors => Prefix + ".standard_errors";

    /// <summary>What the name of a file with such measurements ends with.</summary>
    public string JournalExtension => Prefix["calibration".Length..];

    /// <summary>The keys for a way to round.</summary>
    public static CostKeys Of(RoundingMethod method) => method == RoundingMethod.Moments ? s_moments : s_ggml;
}
