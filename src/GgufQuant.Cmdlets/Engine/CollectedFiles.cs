using GgufQuant.Catalog;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>The files that a cmdlet collects by running models over a text, one per model.</summary>
/// <param name="command">The cmdlet.</param>
/// <param name="collected">What is collected, a noun phrase without article.</param>
/// <param name="suffix">What the default name of a file ends with.</param>
/// <param name="destinations">Where the files go.</param>
/// <param name="force">Whether files that exist are replaced.</param>
internal sealed class CollectedFiles(EngineCommand command, string collected, string suffix, Destinations destinations, bool force)
{
    /// <summary>Collects from one model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="corpus">The path of the text.</param>
    /// <param name="collect">Writes the file at a path, and returns what the cmdlet writes to the pipeline.</param>
    internal void Collect(GgufFile model, string corpus, Func<string, object> collect)
    {
        string destination = destinations.For(model.Path, QuantName.WithoutQuantization(model.Path) + suffix);
        if (!command.ShouldProcess(destination, $"Collect the {collected} of '{Formatting.FileName(model.Path)}' over '{Formatting.FileName(corpus)}'"))
            return;
        if (!destinations.TryPrepare(command, [.. model.Shards.Select(shard => shard.Path)], force, destination))
            return;
        ImatrixWriter.TryDestination(destination, force);
        command.Session!.WaitUntilStarted();
        object file = collect(destination);
        destinations.Keep(model.Path, destination);
        command.WriteObject(file);
    }
}
