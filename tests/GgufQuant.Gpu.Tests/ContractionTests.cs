using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.GpuCheck;

namespace GgufQuant.Gpu.Tests;

/// <summary>The kernel tests notice a multiplication fused with an addition: the mutation that would lose exactness.</summary>
[Collection(OpenClTestDevice.Collection)]
public class ContractionTests
{
    private const string Pragma = "#pragma OPENCL FP_CONTRACT OFF";
    private const int RowLength = 4096;
    private const int Rows = 16;

    [Fact]
    public void Kernels_built_with_contraction_differ()
    {
        Assert.Contains(Pragma, KernelSource.OpenCl("k-scale-min"));
        Assert.SkipUnless(
            System.Runtime.Intrinsics.X86.Fma.IsSupported || System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported,
            "This processor cannot fuse a multiplication with an addition.");
        using IGpuDriver driver = OpenClTestDevice.Open(Contracted);
        using GpuJob job = new(driver);

        float[] weights = WeightData.Make("gaussian", RowLength * Rows);
        float[] importance = WeightData.MakeImportance(RowLength);
        BlockFormat format = BlockFormat.Of(GgmlType.Q4_K);
        byte[] expected = new byte[format.ByteCount(weights.Length)];
        byte[] actual = new byte[expected.Length];
        format.Quantize(weights, RowLength, importance, expected);
        job.Run(
            KernelPlan.Find(GgmlType.Q4_K)!,
            new(GgmlType.F32, GgmlType.Q4_K, RowLength, Rows, importance, MemoryMarshal.AsBytes<float>(weights).ToArray(), actual));

        Assert.False(expected.AsSpan().SequenceEqual(actual), "Contraction changed nothing, so the kernel tests could not notice it.");
    }

    [Fact]
    public void The_self_test_rejects_kernels_built_with_contraction()
    {
        using IGpuDriver sound = OpenClTestDevice.Open(KernelSource.OpenCl);
        Assert.Null(SelfTest.Run(sound, KernelPlan.Types, token: TestContext.Current.CancellationToken));
        using IGpuDriver mutant = OpenClTestDevice.Open(Contracted);
        Assert.NotNull(SelfTest.Run(mutant, KernelPlan.Types, token: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void The_check_of_a_card_counts_the_files_that_differ()
    {
        Assert.Equal(0, WholeFile.Run(() => new GpuDevice(OpenClTestDevice.Open(KernelSource.OpenCl)), Sample.Model));
        Assert.InRange(WholeFile.Run(() => new GpuDevice(OpenClTestDevice.Open(Contracted)), Sample.Model), 1, 4);
    }

    private static string Contracted(string file) => KernelSource.OpenCl(file).Replace(Pragma, "#pragma OPENCL FP_CONTRACT ON");
}
