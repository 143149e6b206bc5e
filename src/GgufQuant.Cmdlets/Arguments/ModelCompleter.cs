using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Completes an argument with names from the model given by <c>-Path</c>.</summary>
public abstract class ModelCompleter : FileCompleter
{
    /// <inheritdoc/>
    protected sealed override IEnumerable<(string Name, string ToolTip)> Names(string path)
    {
        using GgufFile model = GgufFile.OpenTolerant(path);
        return [.. Names(model)];
    }

    /// <summary>The names to choose from, each with its meaning.</summary>
    protected abstract IEnumerable<(string Name, string ToolTip)> Names(GgufFile model);
}
