using System.Diagnostics;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Reference;
using GgufQuant.TestKit;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>The time of a session's first conversion, which also compiles the code and builds tables, beside later ones.</summary>
internal static class FirstConversionTable
{
    /// <summary>The argument that makes a process measure one type.</summary>
    public const string Argument = "--first-conversion";

    private const int Rounds = 5;
    private const int LaterConversions = 5;
    private const double Bar = 0.3;

    /// <summary>Measures the chosen types, and writes each row as soon as it is known.</summary>
    /// <param name="output">Receives the table.</param>
    /// <param name="isChosen">Whether to measure the type with a name.</param>
    public static void Write(TextWriter output, Func<string, bool> isChosen)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("GgufQuant.Benchmarks.");
        try
        {
            string matrix = Path.Combine(folder.FullName, "imatrix.gguf");
            using (GgufFile model = GgufFile.Open(Sample.Model))
                TestImatrix.For(model).WriteGguf(matrix);
            output.WriteLine("| type | first, s | later, s | difference, s | bar, s | verdict |");
            output.WriteLine("| --- | ---: | ---: | ---: | ---: | --- |");
            bool anyMissed = false;
            // llama.cpp writes no whole files of NVFP4.
            foreach (QuantType type in QuantCatalog.All.Where(type => type.Type != FileType.NVFP4 && isChosen(type.Name)))
            {
                string[] arguments = [Argument, type.Name, folder.FullName, type.Imatrix == ImatrixAdvice.Required ? matrix : ""];
                double[][] runs = [.. Enumerable.Range(0, Rounds).Select(_ => ChildProcess.Measure(arguments))];
                double difference = Statistics.Median(runs.Select(run => run[0] - run[1]));
                output.WriteLine(Invariant(
                    $"| {type} | {Statistics.Median(runs.Select(run => run[0])):F2} | {Statistics.Median(runs.Select(run => run[1])):F2} | {difference:F2} | {Bar} | {(difference <= Bar ? "met" : "missed")} |"));
                output.Flush();
                anyMissed |= difference > Bar;
            }
            if (anyMissed)
            {
                output.WriteLine();
                output.WriteLine($"Missed. {HeldBack.FirstConversions}");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>One process's work. It prints, in seconds, the first conversion and the median of further ones.</summary>
    /// <param name="type">The file type's name.</param>
    /// <param name="folder">Where to write the file.</param>
    /// <param name="matrix">An importance matrix; empty for none.</param>
    public static void Measure(string type, string folder, string matrix)
    {
        using Runspace runspace = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
        runspace.Open();
        using (PowerShell shell = PowerShell.Create(runspace))
            shell.AddCommand("Import-Module").AddArgument(Path.Combine(ReferenceLibrary.RepositoryRoot, "GgufQuant.psd1")).Invoke();
        double first = Convert();
        Console.WriteLine(Invariant($"{first} {Statistics.Median(Enumerable.Range(0, LaterConversions).Select(_ => Convert()))}"));

        double Convert()
        {
            using PowerShell shell = PowerShell.Create(runspace);
            shell.AddCommand("ConvertTo-Quantized").AddArgument(Sample.Model).AddParameter("Type", type)
                .AddParameter("Destination", Path.Combine(folder, "model.gguf")).AddParameter("Force").AddParameter("ErrorAction", ActionPreference.Stop);
            if (matrix.Length > 0)
                shell.AddParameter("ImportanceMatrix", matrix);
            long start = Stopwatch.GetTimestamp();
            shell.Invoke();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }
}
