using System.Diagnostics;
using System.Globalization;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Reference;

namespace GgufQuant.Benchmarks;

/// <summary>The program that quantizes a file.</summary>
internal enum FileMaker
{
    Ours,
    Reference,
    Copy,
}

/// <summary>The quantization of one file in a separate process, whose memory is then that of quantizing alone.</summary>
/// <param name="Duration">Time taken, without the process's start.</param>
/// <param name="CoreUse">Share of the time that the threads kept their cores busy, 0 to 1.</param>
/// <param name="PeakBytes">The process's peak resident memory.</param>
internal sealed record FileRun(TimeSpan Duration, double CoreUse, long PeakBytes)
{
    /// <summary>The argument that makes a process quantize a file.</summary>
    public const string Argument = "--make";

    /// <summary>Quantizes a file, or converts a Hugging Face folder, in a separate process.</summary>
    public static FileRun Start(FileMaker maker, string source, string destination, FileType type, int threads)
    {
        string[] words = ChildProcess.Run(
            [Argument, $"{maker}", source, destination, $"{type}", threads.ToString(CultureInfo.InvariantCulture)]).Split(' ');
        return new(
            TimeSpan.FromTicks(long.Parse(words[0], CultureInfo.InvariantCulture)),
            double.Parse(words[1], CultureInfo.InvariantCulture),
            long.Parse(words[2], CultureInfo.InvariantCulture));
    }

    /// <summary>The process's work; it prints the measurements.</summary>
    public static void Make(ReadOnlySpan<string> arguments)
    {
        FileMaker maker = Enum.Parse<FileMaker>(arguments[0]);
        FileType type = Enum.Parse<FileType>(arguments[3]);
        int threads = int.Parse(arguments[4], CultureInfo.InvariantCulture);
        BenchmarkMatrix? matrix = BenchmarkMatrix.IsUsedBy(type) ? BenchmarkMatrix.Write(arguments[1]) : null;
        using Process process = Process.GetCurrentProcess();
        TimeSpan busy = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        switch (maker)
        {
            case FileMaker.Ours when Directory.Exists(arguments[1]):
                using (HuggingFaceModel model = HuggingFaceModel.Open(arguments[1], new() { PreTokenizer = "gpt-2" }))
                {
                    if (model.Type == type)
                        model.Write(arguments[2], threads: threads);
                    else
                        new Quantizer(new() { Threads = threads }).Run(QuantizationPlan.Create(model.File, type), arguments[2]);
                }
                break;
            case FileMaker.Ours:
                using (GgufFile file = GgufFile.Open(arguments[1]))
                    new Quantizer(new() { Threads = threads }).Run(QuantizationPlan.Create(file, type, matrix?.Options), arguments[2]);
                break;
            case FileMaker.Reference:
                ReferenceQuantizerOptions options = matrix?.ReferenceOptions ?? new();
                ReferenceQuantizer.Quantize(arguments[1], arguments[2], type, options with { Threads = threads });
                break;
            case FileMaker.Copy:
                File.Copy(arguments[1], arguments[2]);
                break;
        }
        TimeSpan duration = Stopwatch.GetElapsedTime(start);
        process.Refresh();
        busy = process.TotalProcessorTime - busy;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{duration.Ticks} {busy / (duration * threads)} {process.PeakWorkingSet64}"));
    }
}
