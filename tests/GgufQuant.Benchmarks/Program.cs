using BenchmarkDotNet.Running;
using GgufQuant.Benchmarks;
using GgufQuant.Reference;

if (ReferenceLibrary.Missing is string missing)
{
    Console.Error.WriteLine(missing);
    return 1;
}
if (args is not ["--ratios", ..])
{
    BenchmarkSwitcher.FromAssembly(typeof(KernelBenchmarks).Assembly).Run(args, KernelBenchmarks.Configuration);
    return 0;
}
switch (args)
{
    case ["--ratios"]:
        RatioTable.Write(Console.Out, _ => true);
        return 0;
    case ["--ratios", string types]:
        HashSet<string> names = new(types.Split(','), StringComparer.OrdinalIgnoreCase);
        RatioTable.Write(Console.Out, names.Contains);
        return 0;
    default:
        Console.Error.WriteLine("Usage: GgufQuant.Benchmarks --ratios [type,type,...] | [BenchmarkDotNet's options]");
        return 1;
}
