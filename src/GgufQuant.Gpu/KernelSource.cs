namespace GgufQuant.Gpu;

/// <summary>The kernels embedded in this assembly, per file: OpenCL C for drivers that compile it, PTX for CUDA.</summary>
internal static class KernelSource
{
    /// <summary>The files, without extension; their shared code is part of each.</summary>
    internal static IEnumerable<string> Files => KernelPlan.Types.Select(type => KernelPlan.Find(type)!.File).Distinct();

    /// <summary>A file's kernels as OpenCL C.</summary>
    internal static string OpenCl(string file) => Read("common.cl") + Read($"{file}.cl");

    /// <summary>A file's kernels as PTX text.</summary>
    internal static string Ptx(string file) => Read($"{file}.ptx");

    private static string Read(string name)
    {
        using Stream stream = typeof(KernelSource).Assembly.GetManifestResourceStream(name)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
