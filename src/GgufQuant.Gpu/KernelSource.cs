namespace GgufQuant.Gpu;

/// <summary>The kernels as they lie in this assembly, a file at a time: OpenCL C for drivers that compile it, PTX for CUDA's.</summary>
internal static class KernelSource
{
    /// <summary>The files, without extension; what they share is part of each.</summary>
    internal static IEnumerable<string> Files => KernelPlan.Types.Select(type => KernelPlan.Find(type)!.File).Distinct();

    /// <summary>A file's kernels in OpenCL C.</summary>
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
