using System.Numerics;
using GgufQuant.Formats;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>Has kernels compiled, and their tables built, before the first weights come: on other threads, in the order of need.</summary>
internal static class KernelPreparation
{
    // A bit per file type.
    private static long s_begun;
    private static long s_begunWithImatrix;

    /// <summary>Prepares what files of some types hold whatever the model: the default type, and those of output and embeddings.</summary>
    internal static Task Begin(ReadOnlySpan<FileType> types, bool hasImatrix)
    {
        long wanted = 0;
        foreach (FileType type in types)
        {
            // Those are compiled in less time than a thread takes to start.
            if (type is not (FileType.F32 or FileType.F16 or FileType.BF16))
                wanted |= 1L << (int)type;
        }
        wanted &= ~Interlocked.Or(ref hasImatrix ? ref s_begunWithImatrix : ref s_begun, wanted);
        return wanted == 0 ? Task.CompletedTask : Run(() => Prepare(wanted, hasImatrix));
    }

    /// <summary>Prepares what is needed for files beyond that: to read their source, then to quantize.</summary>
    internal static Task Begin(IReadOnlyList<QuantizationOutput> outputs)
    {
        List<Action> waiting = [];
        foreach (QuantizationOutput output in outputs)
        {
            foreach (PlannedTensor tensor in output.Plan.Tensors)
            {
                BlockFormat source = BlockFormat.Of(tensor.Source.Type);
                if (!source.IsReadingPrepared)
                    waiting.Add(source.PrepareReading);
            }
        }
        foreach (QuantizationOutput output in outputs)
        {
            foreach (PlannedTensor tensor in output.Plan.Tensors)
            {
                if (!tensor.IsCopied && tensor.Moments is null && !tensor.Format.IsPrepared(tensor.Importance is not null))
                    waiting.Add(() => tensor.Format.Prepare(tensor.Importance is not null));
            }
        }
        return waiting.Count == 0 ? Task.CompletedTask : Run(() => waiting.ForEach(prepare => prepare()));
    }

    private static void Prepare(long types, bool hasImatrix)
    {
        for (; types != 0; types &= types - 1)
        {
            if (FileTypeTable.Find((FileType)BitOperations.TrailingZeroCount(types)) is not { } rules)
                continue;
            BlockFormat.Of(rules.Default).Prepare(hasImatrix);
            // Nothing is multiplied with these during a collection, so no matrix has them.
            BlockFormat.Of(rules.Output).Prepare(isWeighed: false);
            BlockFormat.Of(rules.Embedding ?? rules.Default).Prepare(isWeighed: false);
        }
    }

    // A thread of its own: those of the pool are few, and the conversion needs them.
    private static Task Run(Action prepare) => Environment.ProcessorCount == 1
        ? Task.CompletedTask
        : Task.Factory.StartNew(prepare, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
