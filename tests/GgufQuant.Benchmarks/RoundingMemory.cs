using System.Diagnostics;
using System.Globalization;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>The memory that a calibration takes on the model of 1.1 billion parameters, in a Markdown table.</summary>
internal static class RoundingMemory
{
    /// <summary>The argument that makes a process do one step.</summary>
    public const string Argument = "--rounding-memory";

    private const long Budget = 768L << 20;
    private const int Positions = 512;

    // Tensors are rounded one after the other, so two layers show the memory of all.
    private static readonly string[] s_layers = ["blk.0.", "blk.1."];

    private enum Step
    {
        Moments,
        Rounding,
    }

    /// <summary>Measures each step in a separate process.</summary>
    /// <param name="output">Receives the table.</param>
    /// <param name="folder">A folder for the files, about 3 GB.</param>
    public static void Write(TextWriter output, string folder)
    {
        output.WriteLine("| step | budget, MiB | peak memory, MiB | time, s | verdict |");
        output.WriteLine("| --- | ---: | ---: | ---: | --- |");
        DirectoryInfo work = Directory.CreateDirectory(Path.Combine(folder, $"GgufQuant.Benchmarks.{Environment.ProcessId}"));
        try
        {
            BenchmarkModel.TinyLlama.Write(Path.Combine(work.FullName, "model.gguf"), GgmlType.F16);
            foreach ((Step step, string name) in new[] { (Step.Moments, "moments of a pass"), (Step.Rounding, "rounding to Q4_K_M") })
            {
                double[] values = [.. ChildProcess.Run([Argument, $"{step}", work.FullName]).Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
                output.WriteLine(Invariant($"| {name} | {Budget >> 20} | {values[0] / (1 << 20):F0} | {values[1]:F1} | {(values[0] <= Budget ? "met" : "missed")} |"));
                output.Flush();
            }
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    /// <summary>The process's work; it prints the peak of its resident memory and the time.</summary>
    public static void Measure(string step, string folder)
    {
        string calibration = Path.Combine(folder, "calibration.gguf");
        long start = Stopwatch.GetTimestamp();
        using GgufFile model = GgufFile.Open(Path.Combine(folder, "model.gguf"));
        using Process process = Process.GetCurrentProcess();
        // The budget for moments is that of the moments alone, without the model and its inputs; quantizing has one for the whole process.
        long before = 0;
        if (Enum.Parse<Step>(step) == Step.Moments)
        {
            IReadOnlyList<CalibratedInput> pass = CalibrationPasses.Plan(InputsOf(model), Budget).Passes[0];
            Dictionary<int, float[]> inputs = pass.Select(input => input.Columns).Distinct().ToDictionary(columns => columns, columns => SyntheticInputs.Make(columns, Positions));
            process.Refresh();
            before = process.WorkingSet64;
            Collect(model, pass, inputs, calibration);
        }
        else
        {
            Round(model, calibration, Path.Combine(folder, "rounded.gguf"));
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        process.Refresh();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{process.PeakWorkingSet64 - before} {seconds}"));
    }

    // The moments of a pass, which has as many inputs as the budget has room for, and a calibration of the layers to round.
    private static void Collect(GgufFile model, IReadOnlyList<CalibratedInput> pass, Dictionary<int, float[]> inputs, string path)
    {
        List<MomentSums> all = [];
        foreach (CalibratedInput input in pass)
        {
            MomentSums sums = new(input);
            sums.Add(inputs[input.Columns], Positions, Environment.ProcessorCount);
            all.Add(sums);
        }
        CalibratedInput[] written = [.. pass.Where(input => s_layers.Any(layer => input.Name.StartsWith(layer, StringComparison.Ordinal)))];
        using CalibrationWriter writer = new(path, new(CalibrationWriter.HashOf(model), "synthetic", ["synthetic"], 1, Positions, written, [], []), overwrite: true);
        string moments = path + ".moments";
        foreach (CalibratedInput input in written)
        {
            using (FileStream stream = File.Create(moments))
                all[pass.ToList().IndexOf(input)].Write(stream);
            using FileStream reader = File.OpenRead(moments);
            writer.WriteMoments([Positions], reader);
        }
        writer.Commit();
    }

    private static void Round(GgufFile model, string path, string destination)
    {
        using CalibrationFile calibration = CalibrationFile.Open(path);
        QuantizationPlan plan = QuantizationPlan.Create(model, FileType.Q4_K_M, new() { Calibration = calibration, Imatrix = calibration.Imatrix });
        new Quantizer(new() { MemoryBudget = Budget }).Run(plan, destination);
    }

    private static CalibratedInput[] InputsOf(GgufFile model) =>
    [
        .. from tensor in model.Tensors
           where tensor.Name.StartsWith("blk.", StringComparison.Ordinal) && tensor.Shape.Length == 2
           group tensor.Name by (tensor.Name.Split('.')[1], Kind: KindOf(tensor.Name), tensor.RowLength) into sharing
           select new CalibratedInput(sharing.First(), (int)sharing.Key.RowLength, (int)sharing.Key.RowLength, [.. sharing]),
    ];

    private static string KindOf(string name) => name.Split('.')[2] switch
    {
        "attn_q" or "attn_k" or "attn_v" => "attention",
        "ffn_gate" or "ffn_up" => "feed-forward",
        string other => other,
    };
}
