using System.Management.Automation;
using System.Text.Json;

namespace GgufQuant.Commands;

/// <summary>Makes rows of Compare-Quant out of what Import-Clixml, jobs and remote sessions return of them.</summary>
/// <remarks>
/// The types file names it for deserialization too: where the module is loaded, they return rows. Anything may be in a file, so a
/// row's values are checked.
/// </remarks>
public sealed class QuantComparisonConverter : PSTypeConverter
{
    /// <summary>The hidden property, declared in the types file, that takes a row's data along.</summary>
    private const string DataProperty = "SerializedData";

    /// <inheritdoc/>
    public override bool CanConvertFrom(object sourceValue, Type destinationType) => TextOf(sourceValue) is not null;

    /// <inheritdoc/>
    /// <exception cref="PSInvalidCastException">The object is not such a row, or its data is damaged.</exception>
    public override object ConvertFrom(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase)
    {
        try
        {
            ComparisonData? data = JsonSerializer.Deserialize(TextOf(sourceValue) ?? "null", ComparisonJson.Default.ComparisonData);
            if (data?.FindProblem() is { } problem)
                throw new PSInvalidCastException($"The row is damaged: {problem}.");
            QuantComparison? row = data is null ? null : data.Corpus is null ? new QuantComparison(data) : new QuantQuality(data);
            if (destinationType?.IsInstanceOfType(row) == true)
                return row!.ToPSObject().BaseObject;
        }
        catch (JsonException exception)
        {
            throw new PSInvalidCastException($"The row is damaged: {exception.Message}", exception);
        }
        throw new PSInvalidCastException($"This is not a row of Compare-Quant that was measured as {destinationType?.Name} is.");
    }

    /// <inheritdoc/>
    public override bool CanConvertTo(object sourceValue, Type destinationType) => false;

    /// <inheritdoc/>
    public override object ConvertTo(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase) =>
        throw new PSInvalidCastException("Rows of Compare-Quant are not converted into other objects.");

    private static string? TextOf(object value) =>
        value is PSObject row && row.TypeNames.Any(name => name == "Deserialized." + typeof(QuantComparison).FullName)
            ? row.Properties[DataProperty]?.Value as string
            : null;
}
