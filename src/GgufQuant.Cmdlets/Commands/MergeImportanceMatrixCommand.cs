using System.Management.Automation;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>Merges importance matrices of the same model.</summary>
[Cmdlet(VerbsData.Merge, "ImportanceMatrix", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(MatrixFile))]
public sealed class MergeImportanceMatrixCommand : PathCommand
{
    // What to merge, by destination.
    private readonly OrderedDictionary<string, List<string>> _parts = new(StringComparer.Ordinal);
    private readonly PathSpellings _destinations = new();

    // The matrix being read, for errors; null while the sum is written.
    private string? _current;

    /// <summary>The file to write.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true,
        HelpMessage = "The file to write; a name ending in .dat selects the older format.")]
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
    private protected override string Variant => Destination;

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        if (!IsMatrix(path))
            return;
        string destination = _destinations.Of(this.ResolveDestination(Destination));
        _parts.TryAdd(destination, []);
        _parts[destination].Add(path);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach ((string destination, List<string> paths) in _parts)
            Merge(paths, destination);
    }

    private void Merge(List<string> paths, string destination)
    {
        if (HasFailed)
        {
            WriteError(Incomplete(destination));
            return;
        }
        if (!ShouldProcess(destination, $"Merge {paths.Count} importance matrices"))
            return;
        if (PathErrors.NotFree(destination, Force) is ErrorRecord conflict)
        {
            WriteError(conflict);
            return;
        }
        try
        {
            IReadOnlyList<ImatrixFile> matrices = Open(paths);
            WarnOfMissingEnds(matrices);
            ImatrixData merged = RunInBackground("Merging importance matrices", (_, token) => Merge(matrices, token));
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

    private IReadOnlyList<ImatrixFile> Open(List<string> paths)
    {
        List<ImatrixFile> matrices = [];
        foreach (string path in paths)
        {
            _current = path;
            matrices.Add(RunInBackground($"Reading {Formatting.FileName(path)}", (_, token) => ImatrixFile.Open(path, token)));
        }
        _current = null;
        return ImatrixPart.Order(matrices);
    }

    // The last part of a text cannot be missed otherwise.
    private void WarnOfMissingEnds(IReadOnlyList<ImatrixFile> matrices)
    {
        foreach (IGrouping<string, ChunkRange> parts in matrices.Select(matrix => matrix.Part).OfType<ImatrixPart>().GroupBy(part => part.Text, part => part.Chunks))
        {
            if (ChunkRange.Join([.. parts.Select(part => (part, $"{part}"))]).FindMissingEnds() is { } missing)
                WriteWarning(missing);
        }
    }

    private ImatrixData Merge(IReadOnlyList<ImatrixFile> matrices, CancellationToken token)
    {
        ImatrixData merged = new(matrices[0].ChunkSize ?? ChunkSize);
        foreach (ImatrixFile matrix in matrices)
        {
            token.ThrowIfCancellationRequested();
            _current = matrix.Path;
            merged.Merge(ImatrixData.From(matrix, matrix.ChunkSize ?? ChunkSize));
        }
        _current = null;
        return merged;
    }
}
