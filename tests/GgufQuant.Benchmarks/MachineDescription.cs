using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace GgufQuant.Benchmarks;

/// <summary>The machine of the measurements.</summary>
internal static class MachineDescription
{
    /// <summary>Processor, vectors, system and runtime, in one line.</summary>
    public static string Get()
    {
        int bits = Vector512.IsHardwareAccelerated ? 512
            : Vector256.IsHardwareAccelerated ? 256
            : Vector128.IsHardwareAccelerated ? 128
            : 0;
        return $"{Processor()}, {Environment.ProcessorCount} cores, vectors of {bits} bits; "
            + $"{RuntimeInformation.OSDescription.Trim()}, {RuntimeInformation.FrameworkDescription}.";
    }

    private static string Processor()
    {
        const string Information = "/proc/cpuinfo";
        string? line = File.Exists(Information)
            ? File.ReadLines(Information).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
