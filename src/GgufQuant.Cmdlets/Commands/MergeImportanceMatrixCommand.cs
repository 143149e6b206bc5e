using System.Management.Automation;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>Adds importance matrices of the same model up.</summary>
[Cmdlet(VerbsData.Merge, "ImportanceMatrix", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MatrixFile))]
public sealed class MergeImportanceMatrixCommand : MatrixCommand
{
    private readonly List<string> _paths = [];

    // The matrix being read, which an error is about; null while the sum is written.
    private string? _current;

    /// <summary>The file to write.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "The file to write; a name in .dat gives the older format.")]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    /// <summary>Tokens of a chunk of matrices that do not say.</summary>
    [Parameter(HelpMessage = "Tokens of a chunk of matrices in the older format, which does not say.")]
    [ValidateRange(1, 1 << 30)]
    public int ChunkSize { get; set; } = ImatrixData.DefaultChunkSize;

    /// <summary>Replaces a file that exists.</summary>
    [Parameter(HelpMessage = "Replace a file that exists.")]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        if (IsMatrix(path))
            _paths.Add(path);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        string destination = ResolveUnexpanded(Destination);
        if (_paths.Count == 0)
            return;
        if (HasRefused)
        {
            WriteError(Incomplete(destination));
            return;
        }
        if (!ShouldProcess(destination, $"Merge {_paths.Count} importance matrices"))
            return;
        if (PathErrors.NotFree(destination, Force) is ErrorRecord refusal)
        {
            WriteError(refusal);
            return;
        }
        try
        {
            ImatrixData merged = RunInBackground("Merging importance matrices", (_, token) => Merge(token));
            ImatrixWriter.Write(merged, destination, ImatrixWriter.FormatOf(destination), Force);
            WriteObject(new MatrixFile(destination, merged));
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(_current ?? destination));
        }
    }

    // A sum that lacks a part looks like any other.
    private static ErrorRecord Incomplete(string destination) => new(
        new ArgumentException($"'{destination}' is not written, as not all matrices to be merged were found: correct -Path, or leave out what is missing."),
        "MatrixMissing", ErrorCategory.ObjectNotFound, destination);

    private ImatrixData Merge(CancellationToken token)
    {
        ImatrixData? merged = null;
        foreach (string path in _paths)
        {
            token.ThrowIfCancellationRequested();
            _current = path;
            ImatrixData matrix = ImatrixData.Read(path, ChunkSize);
            if (merged is null)
                merged = matrix;
            else
                merged.Merge(matrix);
        }
        _current = null;
        return merged!;
    }
}
