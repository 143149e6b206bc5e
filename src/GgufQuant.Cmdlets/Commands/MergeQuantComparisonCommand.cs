using System.Management.Automation;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Commands;

/// <summary>Merges the rows of Compare-Quant over the parts of a text.</summary>
[Cmdlet(VerbsData.Merge, "QuantComparison")]
[OutputType(typeof(QuantQuality))]
public sealed class MergeQuantComparisonCommand : PSCmdlet
{
    private readonly List<QuantQuality> _rows = [];

    /// <summary>Rows of Compare-Quant -Corpus -Part.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, HelpMessage = "Rows of Compare-Quant -Corpus -Part.")]
    [ValidateNotNull]
    public QuantQuality[] InputObject { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord() => _rows.AddRange(InputObject);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (IGrouping<string, QuantQuality> rows in _rows.GroupBy(row => row.Reference, StringComparer.Ordinal))
        {
            try
            {
                foreach (QuantQuality row in Merge([.. rows]))
                    WriteObject(row.ToPSObject());
            }
            catch (InvalidDataException exception)
            {
                WriteError(new(exception, "PartsDoNotMerge", ErrorCategory.InvalidData, rows.Key));
            }
        }
    }

    private List<QuantQuality> Merge(QuantQuality[] rows)
    {
        List<ComparisonData> merged = [.. rows.Where(row => !row.IsReference).GroupBy(row => row.Path, StringComparer.Ordinal).Select(parts => Merge([.. parts.Select(part => part.Measured)]))];
        if (merged.Count == 0)
            throw new InvalidDataException("The rows have no model but the reference. Give also those of the models that were compared with it.");
        KlDivergenceResult first = merged[0].Predictions!;
        foreach (ComparisonData other in merged[1..])
        {
            RequireSame(merged[0], other);
            if (other.Predictions!.Range != first.Range)
                throw new InvalidDataException($"The rows of '{merged[0].Path}' are of {first.Range} of the text, but those of '{other.Path}' are of {other.Predictions.Range}.");
        }
        if (first.Range.FindMissingEnds() is { } missing)
            WriteWarning(missing);
        if (Array.Find(rows, row => row.IsReference) is { } reference)
            merged.Insert(0, reference.Measured with { Perplexity = first.ReferencePerplexity });
        return [.. merged.Select(data => new QuantQuality(data with { Part = null }))];
    }

    private static ComparisonData Merge(ComparisonData[] parts)
    {
        foreach (ComparisonData part in parts)
        {
            if (part.Part is null || part.Predictions is null)
                throw new InvalidDataException($"A row of '{part.Path}' was not measured with -Part, so its predictions were not kept.");
            RequireSame(parts[0], part);
            if (part.Part.Model != parts[0].Part!.Model)
                throw new InvalidDataException($"'{part.Path}' was another file when a part was measured.");
        }
        KlDivergenceResult predictions = KlDivergenceResult.Merge([.. parts.Select(part => part.Predictions!)]);
        return parts[0] with
        {
            Error = parts.Select(part => part.Error).FirstOrDefault(error => error is not null),
            Generations = parts.Select(part => part.Generations).FirstOrDefault(texts => texts.Count > 0) ?? [],
            Perplexity = predictions.Perplexity,
            Predictions = predictions,
        };
    }

    private static void RequireSame(ComparisonData first, ComparisonData other)
    {
        if (other.Part!.Text != first.Part!.Text)
            throw new InvalidDataException($"The rows of '{first.Path}' and '{other.Path}' are of different texts, or of chunks of different sizes.");
        if (other.Part.Reference != first.Part.Reference)
            throw new InvalidDataException($"The reference '{first.Reference}' was another file when a part was measured.");
        if (other.Part.HasStoredLogits != first.Part.HasStoredLogits)
            throw new InvalidDataException($"A part was measured with the reference's logits from a file, which are rounded, and another without: give -LogitsFile for all parts or for none.");
        if (other.Engine != first.Engine)
            throw new InvalidDataException($"A part was measured with {first.Engine}, and another with {other.Engine}.");
    }
}
