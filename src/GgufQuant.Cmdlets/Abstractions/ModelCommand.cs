using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that opens each file as a model; a bad one is an error, and the next goes on.</summary>
public abstract class ModelCommand : PathCommand
{
    /// <inheritdoc/>
    protected sealed override void ProcessFile(string path)
    {
        try
        {
            using GgufFile model = GgufFile.Open(path);
            ProcessModel(model);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(path));
        }
    }

    /// <summary>Does the cmdlet's work for one model.</summary>
    /// <param name="model">The model, open until the method returns.</param>
    protected abstract void ProcessModel(GgufFile model);
}
