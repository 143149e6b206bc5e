using System.Management.Automation;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>Merges importance matrices of the same model.</summary>
[Cmdlet(VerbsData.Merge, "ImportanceMatrix", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MatrixFile))]
public sealed class MergeImportanceMatrixCommand : PathCommand
{
    private readonly List<string> _paths = [];

    // The matrix being read, for errors; null while the sum is written.
    private string? _current;

    /// <summary>The file to write.</summary>
    [Parameter(Mandatory = true, Position = 1, HelpMessage = "The file to write; a name ending in .dat selects the older format.")]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    /// <summary>Tokens per chunk of matrices that do not record it.</summary>
    [Parameter(HelpMessage = "Tokens per chunk of matrices in the older format, which does not record it.")]
    [ValidateRange(1, 1 << 30)]
    public int ChunkSize { get; set; } = ImatrixData.DefaultChunkSize;

    /// <summary>Overwrites an existing file.</summary>
    [Parameter(HelpMessage = "Overwrite an existing file.")]
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
        if (HasFailed)
        {
            WriteError(Incomplete(destination));
            return;
        }
        if (!ShouldProcess(destination, $"Merge {_paths.Count} importance matrices"))
            return;
        if (PathErrors.NotFree(destination, Force) is ErrorRecord conflict)
        {
            WriteError(conflict);
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

    // A sum with a missing part looks like any other.
    private static ErrorRecord Incomplete(string destination) => new(
        new ArgumentException($"'{destination}' was not written, because some of the matrices to merge were not found: correct -Path, or leave them out."),
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
