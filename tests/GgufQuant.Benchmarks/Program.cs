using BenchmarkDotNet.Running;
using GgufQuant.Benchmarks;
using GgufQuant.Formats;
using GgufQuant.Reference;

const string Usage = """
    Usage: GgufQuant.Benchmarks --report <file.md> [folder for 7 GB of files]
           GgufQuant.Benchmarks --ratios [type,type,...]
           GgufQuant.Benchmarks --files <folder for 6 GB of files> [type,type,...]
           GgufQuant.Benchmarks --folders <folder for 7 GB of files>
           GgufQuant.Benchmarks --types <folder on a disk for 10 GB of files> [type,type,...]
           GgufQuant.Benchmarks --evaluation <folder for 2 GB of files>
           GgufQuant.Benchmarks --rounding [type,type,...]
           GgufQuant.Benchmarks --starts [type,type,...]
           GgufQuant.Benchmarks --imports
           GgufQuant.Benchmarks --calibrated <folder for 4 GB of files>
           GgufQuant.Benchmarks [BenchmarkDotNet's options]
    """;

if (!ReferenceBuild.Npm.IsPresent)
{
    Console.Error.WriteLine($"{ReferenceBuild.Npm.Name}, which the kernels are measured against, is not in '{ReferenceBuild.Npm.Folder}'.");
    return 1;
}
switch (args)
{
    case ["--report", string path]:
        Report.Write(path, Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath());
        return 0;
    case ["--report", string path, string folder]:
        Report.Write(path, folder);
        return 0;
    case ["--ratios"]:
        RatioTable.Write(Console.Out, _ => true);
        return 0;
    case ["--ratios", string types]:
        HashSet<string> names = new(types.Split(','), StringComparer.OrdinalIgnoreCase);
        RatioTable.Write(Console.Out, names.Contains);
        return 0;
    case ["--files", string folder]:
        FileTable.Write(Console.Out, folder, _ => true);
        return 0;
    case ["--files", string folder, string types]:
        HashSet<string> made = new(types.Split(','), StringComparer.OrdinalIgnoreCase);
        FileTable.Write(Console.Out, folder, made.Contains);
        return 0;
    case ["--folders", string folder]:
        FolderTable.Write(Console.Out, folder);
        return 0;
    case ["--types", string folder]:
        TypesTable.Write(Console.Out, folder, TypesTable.Published);
        return 0;
    case ["--types", string folder, string types]:
        TypesTable.Write(Console.Out, folder, [.. types.Split(',').Select(type => Enum.Parse<FileType>(type, ignoreCase: true))]);
        return 0;
    case ["--evaluation", string folder]:
        EvaluationTable.Write(Console.Out, folder);
        return 0;
    case ["--rounding"]:
        RoundingTable.Write(Console.Out, _ => true);
        return 0;
    case ["--calibrated", string folder]:
        Report.WriteRounding(Console.Out, folder);
        return 0;
    case ["--rounding", string types]:
        HashSet<string> rounded = new(types.Split(','), StringComparer.OrdinalIgnoreCase);
        RoundingTable.Write(Console.Out, rounded.Contains);
        return 0;
    case ["--starts"]:
        FirstConversionTable.Write(Console.Out, _ => true);
        return 0;
    case ["--starts", string types]:
        HashSet<string> converted = new(types.Split(','), StringComparer.OrdinalIgnoreCase);
        FirstConversionTable.Write(Console.Out, converted.Contains);
        return 0;
    case [FileRun.Argument, _, _, _, _, _]:
        FileRun.Make(args.AsSpan(1));
        return 0;
    case [KernelSpeed.Argument, string type, string work]:
        KernelSpeed.MeasureThis(type, work);
        return 0;
    case [WideLayer.Argument]:
        WideLayer.Measure();
        return 0;
    case [RoundingMemory.Argument, string step, string folder]:
        RoundingMemory.Measure(step, folder);
        return 0;
    case ["--imports"]:
        StartTable.Write(Console.Out);
        return 0;
    case [StartTable.Argument, string header, string firstEmpty, string secondEmpty]:
        StartTable.Measure(header, firstEmpty, secondEmpty);
        return 0;
    case [FirstConversionTable.Argument, string type, string folder, string matrix]:
        FirstConversionTable.Measure(type, folder, matrix);
        return 0;
    case ["--report" or "--ratios" or "--files" or "--folders" or "--types" or "--evaluation" or "--rounding" or "--starts" or "--imports" or "--calibrated", ..]:
        Console.Error.WriteLine(Usage);
        return 1;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(KernelBenchmarks).Assembly).Run(args, KernelBenchmarks.Configuration);
        return 0;
}
