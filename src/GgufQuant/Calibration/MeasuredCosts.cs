using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Calibration;

/// <summary>The measured costs of types for a model, kept in its calibration so that nothing is measured twice.</summary>
/// <param name="Coefficients">The KL divergence per unit of output error, for each group of tensors.</param>
/// <param name="Errors">The output error of each tensor and type.</param>
public sealed record MeasuredCosts(
    IReadOnlyDictionary<string, double> Coefficients,
    IReadOnlyDictionary<(string Tensor, GgmlType Type), OutputError> Errors)
{
    /// <summary>How the measured weights were rounded.</summary>
    public RoundingMethod Method { get; init; }

    /// <summary>No measurements.</summary>
    public static MeasuredCosts None { get; } = new(new Dictionary<string, double>(), new Dictionary<(string, GgmlType), OutputError>());

    /// <summary>A copy with additional or replaced measurements.</summary>
    /// <param name="coefficients">Coefficients of groups.</param>
    /// <param name="errors">Errors of tensors and types.</param>
    public MeasuredCosts With(
        IEnumerable<KeyValuePair<string, double>> coefficients, IEnumerable<KeyValuePair<(string Tensor, GgmlType Type), OutputError>> errors)
    {
        ArgumentNullException.ThrowIfNull(coefficients);
        ArgumentNullException.ThrowIfNull(errors);
        Dictionary<string, double> allCoefficients = new(Coefficients);
        foreach ((string group, double coefficient) in coefficients)
            allCoefficients[group] = coefficient;
        Dictionary<(string, GgmlType), OutputError> allErrors = new(Errors);
        foreach (((string, GgmlType) key, OutputError error) in errors)
            allErrors[key] = error;
        return this with { Coefficients = allCoefficients, Errors = allErrors };
    }

    /// <summary>Reads what a file's metadata say; nothing if they say nothing.</summary>
    /// <exception cref="CalibrationException">They are damaged.</exception>
    internal static MeasuredCosts Read(GgufFile file, RoundingMethod method)
    {
        CostKeys at = CostKeys.Of(method);
        MeasuredCosts none = None with { Method = method };
        if (!file.Metadata.Contains(at.Groups))
            return none;
        string[] groups = CalibrationKeys.Array<string>(file, at.Groups);
        double[] coefficients = Measurements(file, at.Coefficients, groups.Length);
        string[] tensors = CalibrationKeys.Array<string>(file, at.ErrorTensors);
        uint[] types = CalibrationKeys.Array<uint>(file, at.ErrorTypes);
        double[] errors = Measurements(file, at.Errors, tensors.Length);
        double[] standardErrors = Measurements(file, at.StandardErrors, tensors.Length);
        if (types.Length != tensors.Length)
            throw CalibrationKeys.Invalid(file, at.ErrorTypes, $"{types.Length} types were found for {tensors.Length} errors");
        return none.With(
            groups.Zip(coefficients, (group, coefficient) => KeyValuePair.Create(group, coefficient)),
            tensors.Select((tensor, i) => KeyValuePair.Create((tensor, (GgmlType)types[i]), new OutputError(errors[i], standardErrors[i]))));
    }

    private static double[] Measurements(GgufFile file, string key, int count)
    {
        double[] values = CalibrationKeys.Array<double>(file, key);
        if (values.Length != count)
            throw CalibrationKeys.Invalid(file, key, $"{values.Length} values were found where {count} are expected");
        return Array.Exists(values, value => !double.IsFinite(value) || value < 0) ? throw CalibrationKeys.Invalid(file, key, "a value is negative or not a finite number") : values;
    }

    /// <summary>The entries of a calibration's metadata.</summary>
    internal IEnumerable<GgufEntry> ToEntries()
    {
        CostKeys at = CostKeys.Of(Method);
        string[] groups = [.. Coefficients.Keys.Order(StringComparer.Ordinal)];
        yield return GgufEntry.Create(at.Groups, groups);
        yield return GgufEntry.Create(at.Coefficients, Array.ConvertAll(groups, group => Coefficients[group]));
        (string Tensor, GgmlType Type)[] keys = [.. Errors.Keys.OrderBy(key => key.Tensor, StringComparer.Ordinal).ThenBy(key => key.Type)];
        yield return GgufEntry.Create(at.ErrorTensors, Array.ConvertAll(keys, key => key.Tensor));
        yield return GgufEntry.Create(at.ErrorTypes, Array.ConvertAll(keys, key => (uint)key.Type));
        yield return GgufEntry.Create(at.Errors, Array.ConvertAll(keys, key => Errors[key].Value));
        yield return GgufEntry.Create(at.StandardErrors, Array.ConvertAll(keys, key => Errors[key].StandardError));
    }
}
