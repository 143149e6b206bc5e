using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Comparison;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Shows what quantizations save and what they cost against a reference.</summary>
[Cmdlet(VerbsData.Compare, "Quant", DefaultParameterSetName = PathSet)]
[OutputType(typeof(QuantComparison), typeof(TensorComparison))]
public sealed class CompareQuantCommand : PathCommand
{
    private readonly List<string> _waiting = [];
    private readonly HashSet<string> _shownReferences = new(StringComparer.Ordinal);

    /// <summary>The model to compare with; from the pipeline, the source a file was made of.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true,
        HelpMessage = "The model to compare with; default: the source of converted files, else the most precise file.")]
    [Alias("Source")]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    /// <summary>Lists every tensor.</summary>
    [Parameter(HelpMessage = "List every tensor instead of one row a file.")]
    public SwitchParameter Detailed { get; set; }

    /// <summary>Tokens of context to estimate memory for.</summary>
    [Parameter(HelpMessage = "Tokens of context to estimate memory for.")]
    [ValidateRange(1, 1 << 30)]
    public int? ContextLength { get; set; }

    /// <summary>The type of the key-value cache to estimate memory for.</summary>
    [Parameter(HelpMessage = "The type of the key-value cache to estimate memory for.")]
    public CacheType CacheType { get; set; } = CacheType.F16;

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        if (Reference is null)
            _waiting.Add(path);
        else
            Compare(ResolveUnexpanded(Reference), path);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_waiting.Count == 0)
            return;
        string reference = MostPrecise(_waiting);
        if (_waiting.Count == 1)
        {
            WriteError(new(
                new ArgumentException($"There is nothing to compare '{reference}' with. Give several files, or one as -Reference."),
                "NothingToCompare", ErrorCategory.InvalidArgument, reference));
            return;
        }
        foreach (string path in _waiting)
            Compare(reference, path);
    }

    private static string MostPrecise(List<string> paths) =>
        paths.Select(TryRead).OfType<ModelInfo>().MaxBy(info => info.BitsPerWeight)?.Path ?? paths[0];

    // A file that cannot be read is reported when it is compared.
    private static ModelInfo? TryRead(string path)
    {
        try
        {
            using GgufFile model = GgufFile.Open(path);
            return ModelInfo.Read(model);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            return null;
        }
    }

    private void Compare(string referencePath, string path)
    {
        try
        {
            using GgufFile reference = GgufFile.Open(referencePath);
            ModelInfo referenceInfo = ModelInfo.Read(reference, ContextLength, CacheType);
            if (_shownReferences.Add(reference.Path) && !Detailed)
                WriteObject(new QuantComparison(referenceInfo, referenceInfo, error: null));

            using GgufFile candidate = GgufFile.Open(path);
            if (candidate.Path == reference.Path)
                return;
            ModelError error = RunInBackground(
                $"Comparing {Formatting.FileName(path)} with {Formatting.FileName(reference.Path)}",
                (progress, token) => ModelComparison.Measure(reference, candidate, threads: 0, new ScanStatus(progress), token));
            if (Detailed)
                WriteObject(error.Tensors.Select(tensor => new TensorComparison(reference.Path, candidate.Path, tensor)), enumerateCollection: true);
            else
                WriteObject(new QuantComparison(referenceInfo, ModelInfo.Read(candidate, ContextLength, CacheType), error));
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(path));
        }
    }
}
