using System.Management.Automation;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>The shards of a file that a cmdlet is asked for, and which of them it has to write.</summary>
internal sealed class ShardSelection
{
    private readonly ShardLayout _all;

    private ShardSelection(ShardLayout all, ShardLayout chosen, IReadOnlyList<int> kept, string destination)
    {
        _all = all;
        Chosen = chosen;
        Paths = chosen.PathsAt(destination);
        KeptPaths = chosen.Only(kept).PathsAt(destination);
        Missing = kept.Count == 0 ? chosen : chosen.Only(chosen.Numbers.Except(kept));
    }

    /// <summary>The shards asked for.</summary>
    internal ShardLayout Chosen { get; }

    /// <summary>The full paths of these.</summary>
    internal IReadOnlyList<string> Paths { get; }

    /// <summary>The full paths of those that exist and are kept.</summary>
    internal IReadOnlyList<string> KeptPaths { get; }

    /// <summary>Those to write, perhaps none.</summary>
    internal ShardLayout Missing { get; }

    /// <summary>Whether these are all files of the model.</summary>
    internal bool IsAll(ShardLayout shards) => ReferenceEquals(shards, _all);

    /// <summary>Selects shards, or writes an error if that is not possible.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="all">All files of the model.</param>
    /// <param name="numbers">The shards asked for, counted from 1; none for all.</param>
    /// <param name="destination">The destination.</param>
    /// <param name="inputs">The files that the shards are made from, where existing shards are kept; null where none are.</param>
    /// <param name="force">Whether existing shards that are not the planned ones are replaced.</param>
    internal static ShardSelection? Of(StoppableCommand cmdlet, ShardLayout all, int[] numbers, string destination, IEnumerable<string>? inputs, bool force)
    {
        if (numbers.FirstOrDefault(number => number > all.Count) is var missing and > 0)
        {
            cmdlet.WriteError(NoSuchShard(missing, all.Count, destination));
            return null;
        }
        ShardLayout chosen = numbers.Length == 0 ? all : all.Only(numbers.Select(number => number - 1));
        List<int> kept = [];
        if (inputs is not null)
        {
            string[] sources = [.. inputs];
            foreach ((int number, string path) in chosen.Numbers.Zip(chosen.PathsAt(destination)).Where(shard => File.Exists(shard.Second)))
            {
                if (all.FindDifference(number, path, sources) is not { } difference)
                {
                    kept.Add(number);
                    cmdlet.WriteVerbose($"'{path}' is kept.");
                }
                else if (!force)
                {
                    cmdlet.WriteError(PathErrors.Differs(path, difference));
                    return null;
                }
            }
        }
        return new(all, chosen, kept, destination);
    }

    private static ErrorRecord NoSuchShard(int number, int count, string destination) => new(
        new ArgumentException($"There is no shard {number} of '{Formatting.FileName(destination)}': it has {(count == 1 ? "one file" : $"{count} shards")}."),
        "NoSuchShard", ErrorCategory.InvalidArgument, number);
}
