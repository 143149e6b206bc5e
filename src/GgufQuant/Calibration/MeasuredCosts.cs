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
        return new(allCoefficients, allErrors);
    }

    /// <summary>The entries of a calibration's metadata.</summary>
    internal IEnumerable<GgufEntry> ToEntries()
    {
        string[] groups = [.. Coefficients.Keys.Order(StringComparer.Ordinal)];
        yield return GgufEntry.Create(CalibrationKeys.Groups, groups);
        yield return GgufEntry.Create(CalibrationKeys.Coefficients, Array.ConvertAll(groups, group => Coefficients[group]));
        (string Tensor, GgmlType Type)[] keys = [.. Errors.Keys.OrderBy(key => key.Tensor, StringComparer.Ordinal).ThenBy(key => key.Type)];
        yield return GgufEntry.Create(CalibrationKeys.ErrorTensors, Array.ConvertAll(keys, key => key.Tensor));
        yield return GgufEntry.Create(CalibrationKeys.ErrorTypes, Array.ConvertAll(keys, key => (uint)key.Type));
        yield return GgufEntry.Create(CalibrationKeys.Errors, Array.ConvertAll(keys, key => Errors[key].Value));
        yield return GgufEntry.Create(CalibrationKeys.StandardErrors, Array.ConvertAll(keys, key => Errors[key].StandardError));
    }
}
