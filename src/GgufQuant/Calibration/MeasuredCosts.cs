using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Calibration;

/// <summary>What types cost a model, as far as it has been measured: kept in its calibration, so that no size is measured for twice.</summary>
/// <param name="Coefficients">Of each group of tensors, the KL divergence per unit of error in their outputs.</param>
/// <param name="Errors">Of each tensor, what a type does to its outputs.</param>
public sealed record MeasuredCosts(
    IReadOnlyDictionary<string, double> Coefficients,
    IReadOnlyDictionary<(string Tensor, GgmlType Type), OutputError> Errors)
{
    /// <summary>Nothing is measured.</summary>
    public static MeasuredCosts None { get; } = new(new Dictionary<string, double>(), new Dictionary<(string, GgmlType), OutputError>());

    /// <summary>The same with more, which replaces what it had.</summary>
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
