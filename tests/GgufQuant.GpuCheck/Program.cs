using GgufQuant.Gpu;
using GgufQuant.GpuCheck;

// usage: GgufQuant.GpuCheck [model.gguf]
// Writes a report in Markdown; exits with 1 if a byte differs or a device fails, with 2 if there is no device to try.
Console.WriteLine("| device | name | memory | |");
Console.WriteLine("| --- | --- | --- | --- |");
foreach (ComputeDevice device in DeviceCatalog.Try())
    Console.WriteLine($"| {device.Id} | {device.Name} | {device.Memory / 1024.0 / 1024 / 1024:F1} GiB | {device.UnavailableReason ?? "usable"} |");

DeviceCatalog.Candidate[] usable = [.. DeviceCatalog.FindAll().Where(candidate => candidate.Open is not null && candidate.Device.UnavailableReason is null)];
long differing = 0;
foreach (DeviceCatalog.Candidate candidate in usable)
{
    Console.WriteLine($"\n## {candidate.Device.Id}: {candidate.Device.Name}\n");
    try
    {
        differing += CheckKernels(candidate);
        if (args is [string model])
            differing += WholeFile.Run(() => (GpuDevice)DeviceCatalog.Open(candidate.Device.Id, warn: Console.WriteLine), model);
    }
    catch (GpuException exception)
    {
        Console.WriteLine(exception.Message);
        differing++;
    }
}
return differing > 0 ? 1 : usable.Length == 0 ? 2 : 0;

static long CheckKernels(DeviceCatalog.Candidate candidate)
{
    using IGpuDriver driver = candidate.Open!();
    long differing = Verification.Run(driver);
    // OpenCL on a processor shows that the kernels are correct, not how fast they are.
    if (candidate.Device.IsGpu)
        Throughput.Run(driver);
    return differing;
}
