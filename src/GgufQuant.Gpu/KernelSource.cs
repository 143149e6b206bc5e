namespace GgufQuant.Gpu;

/// <summary>The kernels as they lie in this assembly: OpenCL C for drivers that compile it, PTX for CUDA's.</summary>
internal static class KernelSource
{
    // The shared file first; the order is that of Kernels/make-ptx.sh.
    private static readonly string[] s_files =
    [
        "common.cl", "blocks32.cl", "ternary.cl", "microscaling.cl", "nonlinear.cl", "minimum.cl", "signed.cl", "lattice.cl",
        "iq1.cl",
    ];

    /// <summary>The OpenCL C source, whole.</summary>
    internal static string OpenCl => string.Concat(s_files.Select(Read));

    /// <summary>The PTX text.</summary>
    internal static string Ptx => Read("quant.ptx");

    private static string Read(string name)
    {
        using Stream stream = typeof(KernelSource).Assembly.GetManifestResourceStream(name)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
