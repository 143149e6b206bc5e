using System.Management.Automation;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>Writes importance matrices in the other format.</summary>
[Cmdlet(VerbsData.ConvertTo, "ImportanceMatrix", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MatrixFile))]
public sealed class ConvertToImportanceMatrixCommand : PathCommand
{
    private Destinations _destinations = new();

    /// <summary>The format to write.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true,
        HelpMessage = "The format to write: Gguf, or Dat for the older one.")]
    public ImatrixFormat Format { get; set; }

    /// <summary>The file or the folder to write to.</summary>
    [Parameter(HelpMessage = "A file or a folder; default: next to the matrix, with the format's extension.")]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Tokens per chunk of matrices that do not record it.</summary>
    [Parameter(HelpMessage = "Tokens per chunk of matrices in the older format, which does not record it.")]
    [ValidateRange(1, 1 << 30)]
    public int ChunkSize { get; set; } = ImatrixData.DefaultChunkSize;

    /// <summary>Overwrites existing files.</summary>
    [Parameter(HelpMessage = "Overwrite existing files.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _destinations = DestinationsAt(Destination, ImatrixWriter.Extensions);
    }

    /// <inheritdoc/>
    private protected override string Variant => $"{Format}";

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        if (!IsMatrix(path))
            return;
        string extension = Format == ImatrixFormat.Dat ? ".dat" : ".gguf";
        string destination = _destinations.For(path, System.IO.Path.GetFileNameWithoutExtension(path) + extension);
        if (!ShouldProcess(destination, $"Write the importance matrix '{Formatting.FileName(path)}' as {Format}"))
            return;
        if (!_destinations.TryPrepare(this, [path], Force, destination))
            return;
        ImatrixData matrix = ImatrixData.Read(path, ChunkSize);
        ImatrixWriter.Write(matrix, destination, Format, Force);
        _destinations.Keep(path, destination);
        WriteObject(new MatrixFile(destination, matrix));
    }
}
