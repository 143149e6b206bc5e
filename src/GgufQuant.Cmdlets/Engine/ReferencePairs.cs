using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Compares each file of a cmdlet with its reference: the given one, its source, or the most precise of the files.</summary>
/// <param name="command">The cmdlet.</param>
/// <param name="isGiven">Whether the user named the reference.</param>
/// <param name="compare">Compares a reference with a candidate, which may be the same file; both are open until it returns.</param>
/// <param name="allowsOne">Whether a file that is alone is compared with itself; otherwise it is an error.</param>
internal sealed class ReferencePairs(PathCommand command, bool isGiven, Action<GgufFile, GgufFile> compare, bool allowsOne = false)
{
    private readonly List<string> _waiting = [];
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private readonly PathSpellings _spellings = new();

    /// <summary>Compares a file, or keeps it for <see cref="CompareWaiting"/> if it has no reference.</summary>
    internal void Add(string path, string? reference)
    {
        if (ModelKinds.TryRead(path) is ModelKind kind and not ModelKind.Model)
            command.PassOver(path, kind, ModelKind.Model);
        else if (reference is null)
            _waiting.Add(path);
        else
            TryCompare(Tell(reference), path);
    }

    /// <summary>Compares the files without a reference with the most precise of them.</summary>
    internal void CompareWaiting()
    {
        if (_waiting.Count == 0)
            return;
        ModelInfo? mostPrecise = _waiting.Select(TryRead).OfType<ModelInfo>().MaxBy(info => info.BitsPerWeight);
        string reference = mostPrecise?.Path ?? _waiting[0];
        if (_waiting.Count == 1 && !allowsOne)
        {
            command.WriteError(new(
                new ArgumentException($"There is nothing to compare '{reference}' with. Give several files, or one as -Reference."),
                "NothingToCompare", ErrorCategory.InvalidArgument, reference));
            return;
        }
        if (_waiting.Count > 1)
            command.WriteVerbose($"'{reference}' is the reference: of {_waiting.Count} files, it has the most bits per weight, {Formatting.Bits(mostPrecise?.BitsPerWeight)}.");
        foreach (string path in _waiting)
            TryCompare(reference, path);
    }

    private string Tell(string given)
    {
        // One spelling for all, so that what was measured of the reference serves every file.
        string reference = _spellings.Of(command.ResolveUnexpanded(given));
        if (_told.Add(reference))
            command.WriteVerbose($"'{reference}' is the reference: {(isGiven ? "-Reference names it" : "the files from the pipeline name it")}.");
        return reference;
    }

    private void TryCompare(string referencePath, string path)
    {
        if (!command.TakesFolder(referencePath) && PathErrors.NoFile(referencePath) is { } error)
        {
            command.WriteError(error);
            return;
        }
        string current = referencePath;
        try
        {
            using GgufFile reference = command.OpenModel(referencePath);
            ModelKind kind = ModelKinds.Of(reference.Metadata);
            if (kind != ModelKind.Model)
            {
                command.WriteError(ModelErrors.OtherKind(referencePath, kind, ModelKind.Model));
                return;
            }
            current = path;
            using GgufFile candidate = command.OpenModel(path);
            compare(reference, candidate);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            command.WriteError(exception.ToErrorRecord(current));
        }
    }

    // A file that cannot be read is reported when it is compared.
    private ModelInfo? TryRead(string path)
    {
        try
        {
            using GgufFile model = command.OpenModel(path);
            return ModelInfo.Read(model);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            return null;
        }
    }
}
