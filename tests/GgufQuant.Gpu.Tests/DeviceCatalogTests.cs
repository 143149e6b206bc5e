using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Gpu.Cuda;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Gpu.Tests;

/// <summary>The list of devices, on whatever machine this is: sentences, never crashes.</summary>
[Collection(OpenClTestDevice.Collection)]
public class DeviceCatalogTests
{
    [Fact]
    public void The_processor_comes_first_and_every_unavailable_device_has_a_reason()
    {
        IReadOnlyList<ComputeDevice> devices = DeviceCatalog.Try(token: TestContext.Current.CancellationToken);
        Assert.Equal(("Cpu", true), (devices[0].Id, devices[0].IsUsable));
        Assert.Contains(devices, device => device.Api == ComputeApi.Cuda);
        Assert.Contains(devices, device => device.Api == ComputeApi.OpenCL);
        foreach (ComputeDevice device in devices)
        {
            if (device.IsUsable)
                Assert.Null(device.UnavailableReason);
            else
                Assert.Matches(@"^[A-Z'].+[.)]$", device.UnavailableReason);
        }
    }

    [Fact]
    public void A_missing_driver_is_a_sentence()
    {
        (CudaApi? api, string? missing) = CudaApi.Load("libno-such-driver.so.1");
        Assert.Null(api);
        Assert.Equal("The NVIDIA driver is not installed: 'libno-such-driver.so.1' was not found.", missing);
        ComputeDevice device = Assert.Single(DeviceCatalog.FindCuda((null, missing))).Device;
        Assert.Equal(("Cuda", missing), (device.Id, device.UnavailableReason));
    }

    [Fact]
    public void Auto_finds_a_device_on_every_machine()
    {
        using IQuantizationDevice device = DeviceCatalog.Open("auto", token: TestContext.Current.CancellationToken);
        Assert.NotEmpty(device.Name);
    }

    [Theory]
    [InlineData(FileType.Q4_K_M, true)]
    [InlineData(FileType.Q8_0, false)]
    [InlineData(FileType.TQ2_0, true)]
    [InlineData(FileType.F16, false)]
    public void Auto_looks_for_a_card_if_much_gains_from_one(FileType type, bool gains)
    {
        using Llama8B model = new();
        Assert.Equal(gains, GpuDevice.Gains([QuantizationPlan.Create(model.File, type, new())], threads: 4));
    }

    [Fact]
    public void Several_types_of_one_pass_count_together()
    {
        using Llama8B model = new();
        QuantizationPlan[] plans = [.. new[] { FileType.Q8_0, FileType.Q4_K_S }.Select(type => QuantizationPlan.Create(model.File, type, new()))];
        Assert.True(GpuDevice.Gains(plans, threads: 4));
        Assert.Equal([GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.Q8_0], GpuDevice.TypesOf(plans, onlyWhereItGains: false).OrderBy(type => type.ToString()));
    }

    [Fact]
    public void Auto_leaves_a_small_model_to_the_processor()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M, new());
        using IQuantizationDevice device = DeviceCatalog.Open("Auto", plans: [plan], token: TestContext.Current.CancellationToken);
        Assert.IsType<CpuDevice>(device);
    }

    [Theory]
    [InlineData(true, new[] { GgmlType.Q4_K, GgmlType.Q6_K })]
    [InlineData(false, new[] { GgmlType.Q4_K, GgmlType.Q6_K, GgmlType.Q8_0 })]
    public void A_card_is_tried_with_the_types_that_it_will_make(bool onlyWhereItGains, GgmlType[] types)
    {
        using Llama8B model = new();
        QuantizationPlan plan = QuantizationPlan.Create(model.File, FileType.Q4_K_M, new() { OutputTensorType = GgmlType.Q8_0 });
        Assert.Equal(types, GpuDevice.TypesOf([plan], onlyWhereItGains).OrderBy(type => type.ToString()));
    }

    [Fact]
    public void Cpu_takes_the_threads_it_is_given()
    {
        using IQuantizationDevice device = DeviceCatalog.Open("Cpu", threads: 3, token: TestContext.Current.CancellationToken);
        Assert.Equal(3, Assert.IsType<CpuDevice>(device).Parallelism);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Vulkan")]
    [InlineData("Cuda:first")]
    [InlineData("Cuda:-1")]
    [InlineData("Cuda:0:1")]
    [InlineData("0")]
    public void An_invalid_selector_is_rejected_by_name(string selector)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => DeviceCatalog.Open(selector, token: TestContext.Current.CancellationToken));
        Assert.StartsWith($"'{selector}' is not a device: use Auto, Cpu, Cuda, Cuda:0, OpenCL or OpenCL:0.", exception.Message);
    }

    [Fact]
    public void A_missing_device_is_rejected_with_the_reason()
    {
        GpuException exception = Assert.Throws<GpuException>(() => DeviceCatalog.Open("OpenCL:97", token: TestContext.Current.CancellationToken));
        Assert.Contains("OpenCL:97", exception.Message);
    }

    [Fact]
    public void OpenCL_opens_if_it_is_installed()
    {
        Assert.SkipWhen(OpenClTestDevice.Missing is not null, OpenClTestDevice.Missing ?? "");
        using IQuantizationDevice device = DeviceCatalog.Open("OpenCL", token: TestContext.Current.CancellationToken);
        Assert.IsType<GpuDevice>(device);
    }
}
