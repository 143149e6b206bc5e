using System.Diagnostics;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>Writes some files while their source is read once.</summary>
/// <param name="options">How the work is done.</param>
/// <param name="device">What quantizes.</param>
/// <param name="overwrite">Whether files that exist may be replaced.</param>
/// <param name="progress">Counts the weights.</param>
/// <param name="token">Cancels the work.</param>
internal sealed class QuantizationPass(QuantizerOptions options, IQuantizationDevice device, bool overwrite, WeightProgress progress, CancellationToken token)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Writes the files; returns what became of each.</summary>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    internal IReadOnlyList<QuantizationOutcome> Run(IEnumerable<QuantizationOutput> planned)
    {
        OutputFiles[] outputs = [.. planned.Select(output => new OutputFiles(output, options))];
        Dictionary<OutputFiles, QuantizationResult> results = [];
        try
        {
            TryEach(outputs, Check);
            if (options.Reuse is not null || options.KeepReuseRecord)
                TryAll(outputs, FindReused);
            TryEach(outputs, output => output.Open(overwrite, token));
            progress.Skip(outputs.Sum(output => output.Failure is null ? output.FinishedWeights : output.Plan.Weights));
            WorkTimes? times = null;
            TryAll(outputs, ready => times = Convert(ready));
            TryEach(outputs, output =>
            {
                output.Commit(token);
                if (options.KeepReuseRecord)
                    WriteRecord(output);
                results.Add(output, ResultOf(output, times!));
            });
        }
        finally
        {
            foreach (OutputFiles output in outputs)
                output.Dispose();
        }
        return [.. outputs.Select(output => output.Failure is { } failure ? new QuantizationOutcome(failure) : new(results[output]))];
    }

    private void TryEach(OutputFiles[] outputs, Action<OutputFiles> work)
    {
        foreach (OutputFiles output in outputs)
            TryAll([output], _ => work(output));
    }

    // Does something with those that have not failed.
    private void TryAll(OutputFiles[] outputs, Action<OutputFiles[]> work)
    {
        OutputFiles[] sound = [.. outputs.Where(output => output.Failure is null)];
        OutputFiles.Try(sound, () => work(sound), token);
    }

    private void Check(OutputFiles output)
    {
        QuantizationPlan plan = output.Plan;
        if (output.Paths.FirstOrDefault(path => plan.Source.SourcePaths.Any(source => PathIdentity.AreSame(options.EffectiveFileSystem, source, path))) is { } same)
            throw new IOException($"'{same}' is the source model: choose another name for the result.");
        foreach (PlannedTensor tensor in plan.Tensors)
        {
            if (!tensor.IsCopied && !device.CanQuantize(tensor.Source.Type, tensor.Target))
                throw new QuantizationException($"Tensor '{tensor.Name}' cannot be quantized from {tensor.Source.Format} to {tensor.Format}: {device.Name} does not support this conversion.");
        }
        ChunkSize.For(plan.Tensors, device, options.BufferBudget);
        RoundingBudget.Check(plan.Tensors.Select(tensor => tensor.Moments), options.MemoryBudget);
    }

    private void FindReused(OutputFiles[] outputs)
    {
        IReadOnlyList<string?[]> origins = ReuseRecord.HashOrigins([.. outputs.Select(output => output.Plan)], device.Parallelism, token);
        foreach ((OutputFiles output, string?[] own) in outputs.Zip(origins))
        {
            output.Origins = own;
            if (options.Reuse is { } earlier)
                output.Reused = ReusableTensors.Find(output.Plan, own, earlier, device.Parallelism, token);
        }
    }

    private WorkTimes Convert(OutputFiles[] outputs)
    {
        QuantizationPipeline pipeline = new(outputs, device, options.BufferBudget, progress, token) { Reuse = options.Reuse, Clock = options.Clock };
        pipeline.Run();
        OutputFiles[] written = [.. outputs.Where(output => output.Failure is null)];
        if (written.Length > 0)
        {
            outputs[0].Plan.Source.ThrowIfChanged();
            if (written[^1].Plan.Tensors is [.., PlannedTensor last])
                progress.Report(last.Name);
        }
        // Windows does not let an open file be replaced.
        if (written.Any(output => output.ReplacesReused))
            options.Reuse!.Dispose();
        return pipeline.Times;
    }

    private QuantizationResult ResultOf(OutputFiles output, WorkTimes times) => new(output.Describe(Stopwatch.GetElapsedTime(_start)))
    {
        Device = device.Name,
        TensorsReused = output.KeptTensors,
        Times = times,
    };

    private void WriteRecord(OutputFiles output)
    {
        using GgufFile file = GgufFile.Open(output.Paths[0]);
        ReuseRecord.Write(output.Paths[0], from tensor in output.Plan.Tensors.Zip(output.Origins)
                                           where tensor.Second is not null
                                           let data = ReuseRecord.HashData(file, file.FindTensor(tensor.First.Name)!, token)
                                           select (tensor.Second, data, tensor.First.Name));
    }
}
