using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that compares files with a reference: the given one, their source, or the most precise of them.</summary>
public abstract class ReferenceCommand : PathCommand
{
    private readonly List<string> _waiting = [];
    private readonly HashSet<string> _told = new(PathIdentity.Comparer);
    private bool _isReferenceGiven;

    /// <summary>The model to compare with; from the pipeline, the source of a converted file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true,
        HelpMessage = "The model to compare with; default: the source of converted files, otherwise the most precise file.")]
    [Alias("Source")]
    [PathTransformation]
    [ValidateNotNullOrEmpty]
    public string? Reference { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _isReferenceGiven = Reference is not null;
    }

    /// <inheritdoc/>
    private protected sealed override string Variant => Reference ?? "";

    /// <inheritdoc/>
    protected sealed override void ProcessFile(string path)
    {
        if (ModelKinds.TryRead(path) is ModelKind kind and not ModelKind.Model)
            PassOver(path, kind, ModelKind.Model);
        else if (Reference is null)
            _waiting.Add(path);
        else
            TryCompare(TellReference(Reference), path);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_waiting.Count == 0)
            return;
        ModelInfo? mostPrecise = _waiting.Select(TryRead).OfType<ModelInfo>().MaxBy(info => info.BitsPerWeight);
        string reference = mostPrecise?.Path ?? _waiting[0];
        if (_waiting.Count == 1)
        {
            WriteError(new(
                new ArgumentException($"There is nothing to compare '{reference}' with. Give several files, or one as -Reference."),
                "NothingToCompare", ErrorCategory.InvalidArgument, reference));
            return;
        }
        WriteVerbose($"'{reference}' is the reference: of {_waiting.Count} files, it has the most bits per weight, {Formatting.Bits(mostPrecise?.BitsPerWeight)}.");
        foreach (string path in _waiting)
            TryCompare(reference, path);
    }

    private string TellReference(string given)
    {
        string reference = ResolveUnexpanded(given);
        if (_told.Add(reference))
        {
            WriteVerbose($"'{reference}' is the reference: {(_isReferenceGiven ? "it was asked for" : "the files from the pipeline name it")}.");
        }
        return reference;
    }

    /// <summary>Compares one file with its reference.</summary>
    /// <param name="reference">The reference, open until the method returns.</param>
    /// <param name="candidate">The model to compare, open equally long; it may be the reference itself.</param>
    protected abstract void Compare(GgufFile reference, GgufFile candidate);

    private void TryCompare(string referencePath, string path)
    {
        if (!TakesFolder(referencePath) && PathErrors.NoFile(referencePath) is { } error)
        {
            WriteError(error);
            return;
        }
        string current = referencePath;
        try
        {
            using GgufFile reference = OpenModel(referencePath);
            ModelKind kind = ModelKinds.Of(reference.Metadata);
            if (kind != ModelKind.Model)
            {
                WriteError(ModelErrors.OtherKind(referencePath, kind, ModelKind.Model));
                return;
            }
            current = path;
            using GgufFile candidate = OpenModel(path);
            Compare(reference, candidate);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(current));
        }
    }

    // A file that cannot be read is reported when it is compared.
    private ModelInfo? TryRead(string path)
    {
        try
        {
            using GgufFile model = OpenModel(path);
            return ModelInfo.Read(model);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            return null;
        }
    }
}
