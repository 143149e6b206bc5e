using System.Buffers;
using System.Diagnostics;
using GgufQuant.Formats;
using GgufQuant.Gpu;
using GgufQuant.Pipeline;

namespace GgufQuant.GpuCheck;

/// <summary>Weights per second from F16 in pinned memory, compared with the bus's copy rate and the processor.</summary>
/// <remarks>In jobs as large as the pipeline's.</remarks>
internal static class Throughput
{
    private const int RowLength = 4096;
    private const int Weights = GpuDevice.MostWeights;
    private const int Rows = Weights / RowLength;
    private const int JobsPerQueue = 8;
    private const int Repetitions = 5;

    internal static void Run(IGpuDriver driver)
    {
        using IMemoryOwner<byte> source = driver.AllocatePinned(Weights * sizeof(ushort));
        using IMemoryOwner<byte> target = driver.AllocatePinned(Weights * driver.Queues * 2);
        FillWithHalves(source.Memory.Span);
        (double up, double down, double within) = CopyRates(driver, source, target);
        Console.WriteLine($"The bus copies {up:F1} GB/s to the card and {down:F1} GB/s back: at most {up / 2:F1} billion F16 weights per second.");
        Console.WriteLine($"The card copies {within:F0} GB/s within its memory.");
        Console.WriteLine($"Billions of weights per second; {Weights:N0} per job; the processor has {Environment.ProcessorCount} threads.\n");
        Console.WriteLine("| type | kernels | with copies | share of the copy rate | processor | kernels, importance | with copies | share | processor |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        float[] importance = WeightData.MakeImportance(RowLength);
        foreach (GgmlType type in KernelPlan.Types)
        {
            Console.Write($"| {BlockFormat.Of(type)} |");
            if (BlockFormat.Of(type).Importance == ImatrixSupport.Required)
                Console.Write(" | | | |");
            else
                Measure(driver, type, source.Memory, target.Memory, [], up);
            if (BlockFormat.Of(type).Importance == ImatrixSupport.Ignored)
                Console.Write(" | | | |");
            else
                Measure(driver, type, source.Memory, target.Memory, importance, up);
            Console.WriteLine();
        }
    }

    private static void FillWithHalves(Span<byte> halves)
    {
        const int Part = 1 << 20;
        byte[] part = new byte[Part * sizeof(ushort)];
        BlockFormat.Of(GgmlType.F16).Quantize(WeightData.Make("gaussian", Part), Part, [], part);
        for (int at = 0; at < halves.Length; at += part.Length)
            part.AsSpan(0, Math.Min(part.Length, halves.Length - at)).CopyTo(halves[at..]);
    }

    private static unsafe (double Up, double Down, double Within) CopyRates(IGpuDriver driver, IMemoryOwner<byte> source, IMemoryOwner<byte> target)
    {
        const int Bytes = Weights * sizeof(ushort);
        using IGpuQueue queue = driver.CreateQueue();
        using MemoryHandle from = source.Memory.Pin();
        using MemoryHandle to = target.Memory.Pin();
        nint buffer = queue.Allocate(Bytes);
        nint other = queue.Allocate(Bytes);
        nint start = (nint)from.Pointer;
        nint end = (nint)to.Pointer;
        double up = Bytes / Best(() =>
        {
            queue.Upload(buffer, (void*)start, Bytes);
            queue.Wait();
        });
        double down = Bytes / Best(() =>
        {
            queue.Download((void*)end, buffer, Bytes);
            queue.Wait();
        });
        double within = Bytes / Best(() =>
        {
            queue.Copy(other, buffer, Bytes);
            queue.Wait();
        });
        queue.Free(buffer);
        queue.Free(other);
        return (up / 1e9, down / 1e9, within / 1e9);
    }

    private static void Measure(
        IGpuDriver driver, GgmlType type, ReadOnlyMemory<byte> source, Memory<byte> target, float[] importance, double copyRate)
    {
        KernelPlan plan = KernelPlan.Find(type)!;
        int bytes = (int)BlockFormat.Of(type).ByteCount(Weights);
        QuantizationJob Job(int queue) => new(
            GgmlType.F16, type, RowLength, Rows, importance, source[..(Weights * sizeof(ushort))], target.Slice(queue * bytes, bytes));

        GpuJob[] queues = [.. Enumerable.Range(0, driver.Queues).Select(_ => new GpuJob(driver))];
        Parallel.For(0, queues.Length, i => queues[i].Run(plan, Job(i)));
        double kernels = Weights / Best(() => queues[0].Repeat(plan, Job(0)));
        double copies = (double)Weights * queues.Length * JobsPerQueue / Best(() => Parallel.For(0, queues.Length, i =>
        {
            for (int job = 0; job < JobsPerQueue; job++)
                queues[i].Run(plan, Job(i));
        }));
        foreach (GpuJob queue in queues)
            queue.Dispose();
        double processor = ProcessorRate(type, source, importance);
        Console.Write($" {kernels / 1e9:F2} | {copies / 1e9:F2} | {copies * sizeof(ushort) / 1e9 / copyRate:P0} | {processor / 1e9:F3} |");
    }

    private static double ProcessorRate(GgmlType type, ReadOnlyMemory<byte> source, float[] importance)
    {
        const int RowsPerTask = 16;
        BlockFormat format = BlockFormat.Of(type);
        int rows = Math.Min(Rows, RowsPerTask * Environment.ProcessorCount * 4);
        byte[] blocks = new byte[format.ByteCount((long)rows * RowLength)];
        using CpuDevice processor = new();
        return (double)rows * RowLength / Best(() => Parallel.For(0, rows / RowsPerTask, part =>
        {
            int weights = RowsPerTask * RowLength;
            int bytes = (int)format.ByteCount(weights);
            processor.Quantize(
                new(GgmlType.F16, type, RowLength, RowsPerTask, importance, source.Slice(part * weights * sizeof(ushort), weights * sizeof(ushort)),
                    blocks.AsMemory(part * bytes, bytes)),
                default);
        }));
    }

    private static double Best(Action action)
    {
        action();
        double best = double.MaxValue;
        for (int i = 0; i < Repetitions; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }
}
