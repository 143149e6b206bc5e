using System.Management.Automation;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Reports;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Writes the rows of Compare-Quant as a report.</summary>
[Cmdlet(VerbsData.Export, "QuantReport", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportQuantReportCommand : StoppableCommand
{
    private readonly List<QuantComparison> _rows = [];

    /// <summary>Rows of Compare-Quant.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, HelpMessage = "Rows of Compare-Quant.")]
    public QuantComparison[] InputObject { get; set; } = [];

    /// <summary>The file to write.</summary>
    [Parameter(Mandatory = true, Position = 0, HelpMessage = "The file to write; a name ending in .md selects Markdown.")]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    /// <summary>The format to write.</summary>
    [Parameter(HelpMessage = "Html, Markdown or ModelCard; default: by the file's extension.")]
    public ReportFormat? Format { get; set; }

    /// <summary>The heading.</summary>
    [Parameter(HelpMessage = "The heading; default: the reference's name.")]
    [ValidateNotNullOrEmpty]
    public string? Title { get; set; }

    /// <summary>Bytes of memory available.</summary>
    [Parameter(HelpMessage = "The available memory: 8GB; the report recommends the file that Find-QuantType would.")]
    [Alias("MemoryBudget")]
    [ArgumentCompleter(typeof(SizeCompleter))]
    [ValidateRange(1, long.MaxValue)]
    public long? Memory { get; set; }

    /// <summary>Memory that should stay free.</summary>
    [Parameter(HelpMessage = "Memory that should stay free: 5%, 512MB; default: a tenth. Needs -Memory.")]
    [MemoryReserveTransformation]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    [ValidateNotNull]
    public MemoryReserve? Reserve { get; set; }

    /// <summary>The repository of the unquantized model on the hub.</summary>
    [Parameter(HelpMessage = "The unquantized model's repository on the hub, owner/name, for a model card.")]
    [ValidateNotNullOrEmpty]
    public string? BaseModel { get; set; }

    /// <summary>Who quantized the model.</summary>
    [Parameter(HelpMessage = "Who quantized the model, for a model card.")]
    [ValidateNotNullOrEmpty]
    public string? QuantizedBy { get; set; }

    /// <summary>Overwrites an existing file.</summary>
    [Parameter(HelpMessage = "Overwrite an existing file.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        this.ThrowIfMissing(nameof(Memory), nameof(Reserve));
        // Checked first, as measuring the rows may take long.
        if (PathErrors.NotFree(this.ResolveDestination(Destination), Force) is ErrorRecord conflict)
            ThrowTerminatingError(conflict);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord() => _rows.AddRange(InputObject);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        string destination = this.ResolveDestination(Destination);
        QuantComparison? reference = _rows.Find(row => row.IsReference);
        if (reference is null)
        {
            WriteError(new(
                new ArgumentException("The rows contain no reference. Pipe everything that Compare-Quant returns, including its first row."),
                "NoReference", ErrorCategory.InvalidArgument, null));
            return;
        }
        if (_rows.Find(row => row.Reference != reference.Reference) is { } other)
        {
            WriteError(new(
                new ArgumentException($"The rows have several references, '{reference.Reference}' and '{other.Reference}'. Export the rows of each to a separate report."),
                "SeveralReferences", ErrorCategory.InvalidArgument, other));
            return;
        }
        if (!ShouldProcess(destination, $"Write a report on {_rows.Count - 1} quantizations"))
            return;
        if (PathErrors.NotFree(destination, Force) is ErrorRecord conflict)
        {
            WriteError(conflict);
            return;
        }
        try
        {
            ReportFormat format = FormatOf(destination);
            if (Memory is not null && !_rows.Exists(row => row is QuantQuality { IsReference: false }))
                WriteWarning("No file is recommended for -Memory, because none was measured on a text: use Compare-Quant -Corpus.");
            TextFile.Write(destination, format == ReportFormat.ModelCard ? CardOn(reference).Write() : Write(ReportOn(reference), format), Force);
            this.WriteFile(destination);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(destination));
        }
    }

    private ModelCard CardOn(QuantComparison reference)
    {
        using GgufFile model = GgufFile.Open(reference.Path, StopToken);
        List<ModelCardFile> files = [];
        foreach (QuantComparison row in _rows.Where(row => !row.IsReference))
        {
            using GgufFile file = GgufFile.Open(row.Path, StopToken);
            string[] hashes = [.. file.Shards.Select(shard => RunInBackground($"Hashing {Formatting.FileName(shard.Path)}", (progress, token) => FileHash.Compute(shard.Path, progress, token)))];
            MeanEstimate? divergence = row is QuantQuality quality ? new(quality.KlDivergence, quality.KlDivergenceError) : null;
            files.Add(ModelCardFile.Read(file, model, hashes) with { Divergence = divergence });
        }
        QuantQuality? measured = _rows.OfType<QuantQuality>().FirstOrDefault(row => !row.IsReference);
        return new(Title ?? ModelInfo.Read(model).Name, Path.GetFileName(reference.Path), files)
        {
            BaseModel = BaseModel,
            QuantizedBy = QuantizedBy,
            Corpus = measured is null ? null : Path.GetFileName(measured.Corpus),
            Chunks = measured?.GetPredictions()?.Chunks,
        };
    }

    private static string Write(QuantReport report, ReportFormat format) =>
        format == ReportFormat.Markdown ? MarkdownReport.Write(report) : HtmlReport.Write(report);

    private ReportFormat FormatOf(string path) =>
        Format ?? (Path.GetExtension(path).Equals(".md", StringComparison.OrdinalIgnoreCase) ? ReportFormat.Markdown : ReportFormat.Html);

    private QuantReport ReportOn(QuantComparison reference)
    {
        QuantComparison[] others = [.. _rows.Where(row => !row.IsReference)];
        string[] types = [.. others.Select(row => $"{row.Type}")];
        bool areTypesUnique = types.Distinct().Count() == types.Length;
        QuantQuality? measured = others.OfType<QuantQuality>().FirstOrDefault();
        return new(Title ?? Path.GetFileNameWithoutExtension(reference.Path), Row(reference, areTypesUnique), [.. others.Select(row => Row(row, areTypesUnique))])
        {
            Corpus = measured is null ? null : Formatting.FileName(measured.Corpus),
            Engine = measured?.Engine,
            MemoryBudget = Memory,
            MemoryReserve = Memory is { } memory ? Reserve?.Of(memory) : null,
        };
    }

    private static QuantReportRow Row(QuantComparison row, bool byType)
    {
        QuantQuality? quality = row as QuantQuality;
        return new(byType && row.Type is not null ? $"{row.Type}" : Path.GetFileNameWithoutExtension(row.Path), row.Size)
        {
            Type = row.FileType,
            BitsPerWeight = row.BitsPerWeight,
            Perplexity = quality is null ? null : new MeanEstimate(quality.Perplexity, quality.PerplexityError),
            Predictions = quality?.GetPredictions(),
            Weights = row.GetWeightError(),
            Accuracy = row.Accuracy,
            Lost = row.Lost,
            Gained = row.Gained,
            Memory = row.GetMemoryEstimate(),
            PromptSpeed = row.PromptTokensPerSecond,
            GenerationSpeed = row.TokensPerSecond,
            Generations = row.IsReference ? [] : row.Generations,
        };
    }
}
