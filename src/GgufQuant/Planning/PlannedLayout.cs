using GgufQuant.Gguf;

namespace GgufQuant.Planning;

/// <summary>The files that a plan's tensors are written to: one, or several shards.</summary>
internal sealed class PlannedLayout
{
    private PlannedLayout(ShardLayout shards, IReadOnlyList<(int File, GgufTensor Slot)> slots)
    {
        Shards = shards;
        Slots = slots;
    }

    /// <summary>The files.</summary>
    internal ShardLayout Shards { get; }

    /// <summary>The headers to write.</summary>
    internal IReadOnlyList<GgufWriter> Files => Shards.Files;

    /// <summary>Where each tensor's data is written, in the order of the plan.</summary>
    internal IReadOnlyList<(int File, GgufTensor Slot)> Slots { get; }

    /// <summary>Lays tensors out.</summary>
    /// <param name="metadata">The metadata, all of it for the first file.</param>
    /// <param name="tensors">The tensors in the order of writing.</param>
    /// <param name="options">Says whether the source's shards are kept, or how large new ones may be.</param>
    internal static PlannedLayout Create(IEnumerable<GgufEntry> metadata, IReadOnlyList<PlannedTensor> tensors, QuantizationOptions options)
    {
        int[] files = FileOfEach(tensors, options);
        int count = files.DefaultIfEmpty(0).Max() + 1;
        List<GgufWriter> writers = [];
        for (int file = 0; file < count; file++)
        {
            IEnumerable<GgufEntry> entries = [.. file == 0 ? metadata : [], .. count > 1 ? SplitEntries(file, count, tensors.Count, options) : []];
            writers.Add(new GgufWriter(entries, from index in Enumerable.Range(0, tensors.Count)
                                                where files[index] == file
                                                select new GgufTensorInfo(tensors[index].Name, tensors[index].Target, tensors[index].Source.Shape)));
        }

        int[] next = new int[count];
        return new PlannedLayout(ShardLayout.Of(writers), [.. files.Select(file => (file, writers[file].Tensors[next[file]++]))]);
    }

    /// <summary>The layout of some of the shards, and the indices in the plan of the tensors in them.</summary>
    /// <param name="shards">These shards, chosen from <see cref="Shards"/>.</param>
    internal (PlannedLayout Layout, IReadOnlyList<int> Tensors) Only(ShardLayout shards)
    {
        Dictionary<int, int> files = [];
        foreach (int number in shards.Numbers)
            files.Add(Shards.IndexOf(number), files.Count);
        int[] tensors = [.. Enumerable.Range(0, Slots.Count).Where(index => files.ContainsKey(Slots[index].File))];
        return (new PlannedLayout(shards, [.. tensors.Select(index => (files[Slots[index].File], Slots[index].Slot))]), tensors);
    }

    private static int[] FileOfEach(IReadOnlyList<PlannedTensor> tensors, QuantizationOptions options)
    {
        if (options.KeepSplit)
            return [.. tensors.Select(tensor => tensor.Source.Shard)];
        if (options.Split is not { } split)
            return new int[tensors.Count];
        IReadOnlyList<IReadOnlyList<PlannedTensor>> shards = GgufSplitter.Plan(tensors, tensor => tensor.ByteCount, split);
        return [.. shards.SelectMany((shard, file) => Enumerable.Repeat(file, shard.Count))];
    }

    // llama-quantize and llama-gguf-split write the same three keys, each in its own order.
    private static GgufEntry[] SplitEntries(int file, int count, int tensors, QuantizationOptions options)
    {
        GgufEntry number = GgufEntry.Create(GgufSplit.NumberKey, (ushort)file);
        GgufEntry files = GgufEntry.Create(GgufSplit.CountKey, (ushort)count);
        GgufEntry all = GgufEntry.Create(GgufSplit.TensorCountKey, tensors);
        return options.KeepSplit ? [number, files, all] : [number, all, files];
    }
}
