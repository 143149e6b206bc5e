using System.Diagnostics;
using System.Globalization;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Reference;
using GgufQuant.TestKit;

namespace GgufQuant.Benchmarks;

/// <summary>The program that quantizes a file.</summary>
internal enum FileMaker
{
    Ours,
    Reference,
    Copy,
}

/// <summary>The quantization of one file in a separate process, whose memory is then that of quantizing alone.</summary>
/// <param name="Duration">Time taken, without the process's start and, of ours, once the sample has been converted a few times.</param>
/// <param name="CoreUse">Share of the time that the threads kept their cores busy, 0 to 1.</param>
/// <param name="PeakBytes">The process's peak resident memory.</param>
internal sealed record FileRun(TimeSpan Duration, double CoreUse, long PeakBytes)
{
    /// <summary>The argument that makes a process quantize a file.</summary>
    public const string Argument = "--make";

    // After five, one in five of the methods that one conversion leaves to be compiled again is left; more rounds change little.
    private const int WarmingRounds = 5;

    private static readonly TimeSpan s_recompiled = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_returned = TimeSpan.FromSeconds(3);

    /// <summary>Quantizes a file, or converts a Hugging Face folder, in a separate process. What is at the destination is replaced.</summary>
    public static FileRun Start(FileMaker maker, string source, string destination, FileType type, int threads) => Start(maker, source, destination, [type], threads);

    /// <summary>Makes one or, of ours, several types in a separate process, in one pass over the source.</summary>
    public static FileRun Start(FileMaker maker, string source, string destination, IReadOnlyList<FileType> types, int threads)
    {
        string[] words = ChildProcess.Run(
            [Argument, $"{maker}", source, destination, string.Join(',', types), threads.ToString(CultureInfo.InvariantCulture)]).Split(' ');
        return new(
            TimeSpan.FromTicks(long.Parse(words[0], CultureInfo.InvariantCulture)),
            double.Parse(words[1], CultureInfo.InvariantCulture),
            long.Parse(words[2], CultureInfo.InvariantCulture));
    }

    /// <summary>The file of one of some types.</summary>
    public static string PathOf(string destination, FileType type, int count) => count == 1 ? destination : $"{destination}-{type}";

    /// <summary>The process's work; it prints the measurements.</summary>
    public static void Make(ReadOnlySpan<string> arguments)
    {
        FileMaker maker = Enum.Parse<FileMaker>(arguments[0]);
        FileType[] types = [.. arguments[3].Split(',').Select(name => Enum.Parse<FileType>(name))];
        FileType type = types[0];
        int threads = int.Parse(arguments[4], CultureInfo.InvariantCulture);
        (string source, string destination) = (arguments[1], arguments[2]);
        if (maker == FileMaker.Ours)
            Warm(Directory.Exists(source), destination, types, threads);
        BenchmarkMatrix? matrix = BenchmarkMatrix.IsUsedBy(type) ? BenchmarkMatrix.Write(source) : null;
        // A virtual machine returns freed memory to its host two seconds later, and getting it again may take longer than a copy. So
        // an earlier file on a RAM disk is deleted no sooner than now, when what the last process freed has been returned.
        Thread.Sleep(s_returned);
        foreach (FileType made in types)
            File.Delete(PathOf(destination, made, types.Length));
        using Process process = Process.GetCurrentProcess();
        TimeSpan busy = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        switch (maker)
        {
            case FileMaker.Ours:
                Convert(source, destination, types, threads, matrix);
                break;
            case FileMaker.Reference:
                ReferenceQuantizerOptions options = matrix?.ReferenceOptions ?? new();
                ReferenceQuantizer.Quantize(source, destination, type, options with { Threads = threads });
                break;
            case FileMaker.Copy:
                File.Copy(source, destination);
                break;
        }
        TimeSpan duration = Stopwatch.GetElapsedTime(start);
        process.Refresh();
        busy = process.TotalProcessorTime - busy;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{duration.Ticks} {busy / (duration * threads)} {process.PeakWorkingSet64}"));
    }

    // The first conversion of a process also compiles the code, which is measured on its own. What has been called thirty times is
    // compiled again, twice, in the background, a tenth of a second after the last method that was new.
    private static void Warm(bool isFolder, string destination, FileType[] types, int threads)
    {
        for (int round = 0; round < WarmingRounds; round++)
        {
            ConvertSample(isFolder, destination, types, threads);
            Thread.Sleep(s_recompiled);
        }
    }

    private static void ConvertSample(bool isFolder, string destination, FileType[] types, int threads)
    {
        DirectoryInfo folder = Directory.CreateDirectory($"{destination}-sample");
        try
        {
            string sample = Path.Combine(folder.FullName, isFolder ? "model" : "model.gguf");
            if (isFolder)
            {
                Directory.CreateDirectory(sample);
                using GgufFile file = GgufFile.Open(Sample.Model);
                LlamaFolder.Write(file, sample);
            }
            else
            {
                File.Copy(Sample.Model, sample);
            }
            Convert(sample, Path.Combine(folder.FullName, "converted.gguf"), types, threads, BenchmarkMatrix.IsUsedBy(types[0]) ? BenchmarkMatrix.Write(sample) : null);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Convert(string source, string destination, FileType[] types, int threads, BenchmarkMatrix? matrix)
    {
        Quantizer quantizer = new(new() { Threads = threads });
        if (Directory.Exists(source))
        {
            using HuggingFaceModel model = HuggingFaceModel.Open(source, new() { PreTokenizer = "gpt-2" });
            if (model.Type == types[0])
                model.Write(destination, threads: threads);
            else
                quantizer.Run(QuantizationPlan.Create(model.File, types[0]), destination);
            return;
        }
        using GgufFile file = GgufFile.Open(source);
        QuantizationOutput[] outputs = [.. types.Select(type => new QuantizationOutput(QuantizationPlan.Create(file, type, matrix?.Options), PathOf(destination, type, types.Length)))];
        foreach (QuantizationOutcome outcome in quantizer.RunAll(outputs))
            _ = outcome.Result;
    }
}
