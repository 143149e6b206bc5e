using System.Diagnostics;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Reflection.Emit;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Reference;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>The time to import the module and to read a large header.</summary>
internal static class StartTable
{
    /// <summary>The argument that makes a process measure once.</summary>
    public const string Argument = "--start";

    private const int Rounds = 5;
    private const int Calls = 21;
    private const int Tokens = 150_000;
    private const int Tensors = 1000;
    private const double ImportBar = 100;
    private const double HeaderBar = 30;

    /// <summary>Measures and writes the table.</summary>
    public static void Write(TextWriter output)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("GgufQuant.Benchmarks.");
        try
        {
            string header = Path.Combine(folder.FullName, "header.gguf");
            WriteHeader(header);
            string[] emptyModules = [WriteEmptyModule(folder.FullName, "First"), WriteEmptyModule(folder.FullName, "Second")];
            double[][] runs = [.. Enumerable.Range(0, Rounds).Select(_ => ChildProcess.Measure([Argument, header, .. emptyModules]))];
            output.WriteLine("| what | ms | bar, ms | verdict |");
            output.WriteLine("| --- | ---: | ---: | --- |");
            output.WriteLine(Row("`Import-Module`, the first binary module of a session: PowerShell's own part", runs.Select(run => run[0]), null));
            output.WriteLine(Row("`Import-Module`, another binary module with one cmdlet that does nothing", runs.Select(run => run[1]), null));
            output.WriteLine(Row("`Import-Module GgufQuant`, that much longer", runs.Select(run => run[2] - run[1]), ImportBar));
            string size = Invariant($"{Tokens:N0} tokens and {Tensors:N0} tensors");
            output.WriteLine(Row($"`Get-GgufInfo` on a header of {size}, first call", runs.Select(run => run[3]), null));
            output.WriteLine(Row($"`Get-GgufInfo` on a header of {size}, warm", runs.Select(run => run[4]), HeaderBar));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// One process's work. It prints, in milliseconds, the imports of two empty modules and of this one, the first call and the
    /// median of further calls.
    /// </summary>
    /// <param name="header">A model of which only the header matters.</param>
    /// <param name="firstEmpty">The manifest of an empty binary module.</param>
    /// <param name="secondEmpty">Another one's.</param>
    public static void Measure(string header, string firstEmpty, string secondEmpty)
    {
        using Runspace runspace = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
        runspace.Open();
        // A started PowerShell has already imported modules; the first import compiles PowerShell's own part of the work.
        double first = Time(runspace, "Import-Module", firstEmpty);
        double empty = Time(runspace, "Import-Module", secondEmpty);
        double import = Time(runspace, "Import-Module", Path.Combine(ReferenceLibrary.RepositoryRoot, "GgufQuant.psd1"));
        double call = Time(runspace, "Get-GgufInfo", header);
        double warm = Statistics.Median(Enumerable.Range(0, Calls).Select(_ => Time(runspace, "Get-GgufInfo", header)));
        Console.WriteLine(Invariant($"{first} {empty} {import} {call} {warm}"));
    }

    private static double Time(Runspace runspace, string command, string argument)
    {
        using PowerShell shell = PowerShell.Create(runspace);
        shell.AddCommand(command).AddArgument(argument).AddParameter("ErrorAction", ActionPreference.Stop);
        long start = Stopwatch.GetTimestamp();
        shell.Invoke();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    // A binary module with a single cmdlet, written as this one.
    private static string WriteEmptyModule(string folder, string name)
    {
        PersistedAssemblyBuilder assembly = new(new AssemblyName(name) { Version = new(1, 0, 0, 0) }, typeof(object).Assembly);
        TypeBuilder cmdlet = assembly.DefineDynamicModule(name).DefineType($"{name}.GetNothingCommand", TypeAttributes.Public, typeof(PSCmdlet));
        cmdlet.SetCustomAttribute(new(typeof(CmdletAttribute).GetConstructor([typeof(string), typeof(string)])!, ["Get", $"{name}Nothing"]));
        cmdlet.DefineDefaultConstructor(MethodAttributes.Public);
        cmdlet.CreateType();
        assembly.Save(Path.Combine(folder, $"{name}.dll"));
        string manifest = Path.Combine(folder, $"{name}.psd1");
        File.WriteAllText(manifest, $"@{{ ModuleVersion = '1.0'; NestedModules = '{name}.dll'; FunctionsToExport = @(); CmdletsToExport = 'Get-{name}Nothing' }}");
        return manifest;
    }

    private static void WriteHeader(string path)
    {
        GgufWriter writer = new(
            [
                GgufEntry.Create("general.architecture", "llama"),
                GgufEntry.Create("llama.block_count", 32u),
                GgufEntry.Create("tokenizer.ggml.tokens", Enumerable.Range(0, Tokens).Select(i => $"token{i}").ToArray()),
                GgufEntry.Create("tokenizer.ggml.scores", new float[Tokens]),
                GgufEntry.Create("tokenizer.ggml.token_type", new int[Tokens]),
            ],
            Enumerable.Range(0, Tensors).Select(i => new GgufTensorInfo($"blk.{i / 32}.{i % 32}.weight", GgmlType.F16, [4096, 4096])));
        using FileStream file = File.Create(path);
        writer.WriteHeader(file);
        // The data is a hole in the file, never read.
        file.SetLength(writer.Length);
    }

    private static string Row(string what, IEnumerable<double> times, double? bar)
    {
        double median = Statistics.Median(times);
        return Invariant($"| {what} | {median:F1} | {bar} | {(bar is null ? "" : median < bar ? "met" : "missed")} |");
    }
}
