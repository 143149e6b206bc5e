using System.Runtime.Intrinsics;

namespace GgufQuant.Tests.Simd;

/// <summary>A fixture that fails a class if the kernels do not run at the width its process was started for.</summary>
public sealed class LaneWidth
{
    /// <summary>The environment variable with the width in bits that a child process must have; 0 for no vectors.</summary>
    public const string Variable = "GGUFQUANT_TEST_LANE_BITS";

    public LaneWidth()
    {
        if (Environment.GetEnvironmentVariable(Variable) is string expected)
            Assert.Equal(expected, Bits.ToString());
    }

    /// <summary>The width in bits of the lanes in this process; 0 without vectors.</summary>
    public static int Bits =>
        Vector512.IsHardwareAccelerated ? 512
        : Vector256.IsHardwareAccelerated ? 256
        : Vector128.IsHardwareAccelerated ? 128
        : 0;
}
