using System.Management.Automation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>Collects an importance matrix: runs a model over a text and sums the squared inputs of its weights.</summary>
[Cmdlet(VerbsCommon.New, "ImportanceMatrix", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MatrixFile))]
public sealed class NewImportanceMatrixCommand : CollectionCommand
{
    /// <summary>The file or the folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: next to the model, as model-imatrix.gguf. A name ending in .dat selects the older format.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>A matrix to resume.</summary>
    [Parameter(HelpMessage = "A matrix of the same model to add to, with -SkipChunk for what of the text it has seen.")]
    [ValidateNotNullOrEmpty]
    public string? Resume { get; set; }

    /// <summary>Also collects data for the output tensor.</summary>
    [Parameter(HelpMessage = "Also collect data for output.weight, which llama-imatrix advises against.")]
    public SwitchParameter IncludeOutput { get; set; }

    private protected override string Collected => "importance matrix";

    private protected override string Suffix => "-imatrix.gguf";

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Prepare(Destination, ImatrixWriter.Extensions);
    }

    private protected override object Collect(GgufFile model, string destination)
    {
        (ImatrixData matrix, PerplexityResult perplexity) = RunInBackground(
            $"Collecting the importance matrix of {Formatting.FileName(model.Path)}",
            (progress, token) => Collect(model.Path, progress, token));
        matrix.AddDataset(Corpus);
        ImatrixWriter.Write(matrix, destination, ImatrixWriter.FormatOf(destination), Force);
        return new MatrixFile(destination, matrix, model.Path, perplexity);
    }

    private (ImatrixData Matrix, PerplexityResult Perplexity) Collect(
        string path, IProgress<WorkProgress> progress, CancellationToken token)
    {
        (string, int)? resume = Resume is null ? null : ToResume(ResolveUnexpanded(Resume));
        return RemoteImatrixCollector.Collect(Runner, path, Corpus, OptionsWith(IncludeOutput), resume, progress, token);
    }

    // Read here, so that a problem with the file is reported before the model runs.
    private (string Path, int ChunkSize) ToResume(string path) =>
        (path, ImatrixFile.Open(path).ChunkSize ?? ContextLength ?? ImatrixData.DefaultChunkSize);
}
