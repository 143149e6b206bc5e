using GgufQuant.Formats;
using GgufQuant.Pipeline;

namespace GgufQuant.Gpu.Tests;

/// <summary>Kernels that fail on an OpenCL device after it has accepted them.</summary>
[Collection(OpenClTestDevice.Collection)]
public sealed class OpenClFailureTests : IClassFixture<FailingOpenCl>
{
    private readonly FailingOpenCl _openCl;

    public OpenClFailureTests(FailingOpenCl openCl)
    {
        Assert.SkipWhen(openCl.Missing is not null, openCl.Missing ?? "");
        _openCl = openCl;
        _openCl.SetKernelsFail(false);
    }

    [Fact]
    public void A_failing_kernel_leaves_the_work_to_the_processor_with_one_warning()
    {
        List<string> warnings = [];
        using GpuDevice device = new(_openCl.Open(), threads: 1, warn: warnings.Add);
        for (int seed = 1; seed <= 4; seed++)
        {
            (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q4_K, [], seed, device.Allocate);
            _openCl.SetKernelsFail(seed >= 3);
            Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
            Assert.Equal(expected, work.Destination.ToArray());
        }
        string warning = Assert.Single(warnings);
        Assert.Contains("failed; the processor continues alone.", warning);
        Assert.Contains("OpenCL could not do its work: the device is out of resources (error -5).", warning);
        Assert.Equal(0.5, device.Share);
    }

    [Fact]
    public void No_event_is_kept_whether_kernels_fail_or_not()
    {
        using IGpuDriver driver = _openCl.Open();
        using GpuJob job = new(driver);
        (QuantizationJob work, _) = TestJob.Make(GgmlType.Q4_K, [], seed: 1, driver.AllocatePinned);
        KernelPlan plan = KernelPlan.Find(GgmlType.Q4_K)!;
        job.Run(plan, work);
        Assert.Equal(0, _openCl.Events);
        _openCl.SetKernelsFail(true);
        Assert.Throws<GpuException>(() => job.Run(plan, work));
        Assert.Equal(0, _openCl.Events);
    }

    [Fact]
    public unsafe void No_event_is_kept_by_a_queue_without_a_wait()
    {
        using IGpuDriver driver = _openCl.Open();
        int word = 1;
        using (IGpuQueue queue = driver.CreateQueue())
        {
            nint buffer = queue.Allocate(sizeof(int));
            queue.Upload(buffer, &word, sizeof(int));
            Assert.Equal(1, _openCl.Events);
            queue.Free(buffer);
        }
        Assert.Equal(0, _openCl.Events);
    }
}
