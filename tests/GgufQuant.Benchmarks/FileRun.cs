using System.Diagnostics;
using System.Globalization;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Reference;

namespace GgufQuant.Benchmarks;

/// <summary>Who makes a file.</summary>
internal enum FileMaker
{
    Ours,
    Reference,
    Copy,
}

/// <summary>One file made in a process of its own, whose memory is then that of the making alone.</summary>
/// <param name="Duration">Time it took, the process's start left out.</param>
/// <param name="CoreUse">Share of the time that the threads' cores worked, 0 to 1.</param>
/// <param name="PeakBytes">The most memory the process had resident.</param>
internal sealed record FileRun(TimeSpan Duration, double CoreUse, long PeakBytes)
{
    /// <summary>What a process is started with to make a file.</summary>
    public const string Argument = "--make";

    /// <summary>Makes a file in a process of its own.</summary>
    public static FileRun Start(FileMaker maker, string source, string destination, FileType type, int threads)
    {
        string[] words = ChildProcess.Run(
            [Argument, $"{maker}", source, destination, $"{type}", threads.ToString(CultureInfo.InvariantCulture)]).Split(' ');
        return new(
            TimeSpan.FromTicks(long.Parse(words[0], CultureInfo.InvariantCulture)),
            double.Parse(words[1], CultureInfo.InvariantCulture),
            long.Parse(words[2], CultureInfo.InvariantCulture));
    }

    /// <summary>The process's work; the measures are its output.</summary>
    public static void Make(ReadOnlySpan<string> arguments)
    {
        FileMaker maker = Enum.Parse<FileMaker>(arguments[0]);
        FileType type = Enum.Parse<FileType>(arguments[3]);
        int threads = int.Parse(arguments[4], CultureInfo.InvariantCulture);
        using Process process = Process.GetCurrentProcess();
        TimeSpan busy = process.TotalProcessorTime;
        long start = Stopwatch.GetTimestamp();
        switch (maker)
        {
            case FileMaker.Ours:
                using (GgufFile file = GgufFile.Open(arguments[1]))
                    new Quantizer(new() { Threads = threads }).Run(QuantizationPlan.Create(file, type), arguments[2]);
                break;
            case FileMaker.Reference:
                ReferenceQuantizer.Quantize(arguments[1], arguments[2], type, new() { Threads = threads });
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
