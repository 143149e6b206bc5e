using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that opens each file as a model; an invalid one is an error, and the next is processed.</summary>
public abstract class ModelCommand : PathCommand
{
    /// <inheritdoc/>
    protected sealed override void ProcessFile(string path)
    {
        try
        {
            using GgufFile model = OpenModel(path);
            ModelKind kind = ModelKinds.Of(model.Metadata);
            if (Takes(kind))
                ProcessModel(model);
            else
                PassOver(path, kind, ModelKind.Model);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(path));
        }
    }

    /// <summary>Whether the cmdlet accepts files of a kind.</summary>
    private protected virtual bool Takes(ModelKind kind) => kind == ModelKind.Model;

    /// <summary>Does the cmdlet's work for one model.</summary>
    /// <param name="model">The model, open until the method returns.</param>
    protected abstract void ProcessModel(GgufFile model);
}
