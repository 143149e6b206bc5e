using System.Management.Automation;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>Shows what an importance matrix says about each weight tensor.</summary>
[Cmdlet(VerbsCommon.Get, "ImportanceMatrix", DefaultParameterSetName = PathSet)]
[OutputType(typeof(MatrixEntry))]
public sealed class GetImportanceMatrixCommand : PathCommand
{
    /// <summary>Names of weight tensors, wildcards allowed.</summary>
    [Parameter(Position = 1, HelpMessage = "Names of weight tensors; wildcards are allowed.")]
    [ArgumentCompleter(typeof(MatrixEntryCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        if (!IsMatrix(path))
            return;
        WildcardPattern[] patterns = [.. Name.Select(name => new WildcardPattern(name, WildcardOptions.IgnoreCase))];
        IReadOnlyList<ImatrixTensorStatistics> entries = RunInBackground(
            $"Reading {Formatting.FileName(path)}",
            (_, _) => ImatrixTensorStatistics.Of(ImatrixData.Read(path)));
        foreach (ImatrixTensorStatistics entry in entries.Where(entry => patterns.Any(pattern => pattern.IsMatch(entry.Name))))
            WriteObject(new MatrixEntry(path, entry));
    }
}
