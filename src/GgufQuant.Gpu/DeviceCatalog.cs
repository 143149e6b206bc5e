using GgufQuant.Formats;
using GgufQuant.Gpu.Cuda;
using GgufQuant.Gpu.OpenCl;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Gpu;

/// <summary>The devices of this machine that can quantize, and how to use one.</summary>
/// <remarks>
/// A device is usable if its driver promises exact arithmetic and a trial of the kernels has produced the processor's
/// bytes. Missing or broken drivers are reported in a sentence, never an exception.
/// </remarks>
public static class DeviceCatalog
{
    /// <summary>Every device that could quantize, the processor first, as the drivers describe it.</summary>
    public static IReadOnlyList<ComputeDevice> List() => [Processor, .. FindAll().Select(candidate => candidate.Device)];

    /// <summary>The same, after trying every kernel on each graphics card, which takes seconds.</summary>
    /// <param name="progress">Receives the kernels being tried.</param>
    /// <param name="token">Cancels before the next trial.</param>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    public static IReadOnlyList<ComputeDevice> Try(IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        List<ComputeDevice> devices = [Processor];
        foreach (Candidate candidate in FindAll())
        {
            // OpenCL on a processor gains nothing, and a broken driver may crash the process, so it is tried only on request.
            string? reason = candidate.Device.UnavailableReason ?? (candidate.Device.IsGpu ? Try(candidate, progress, token) : null);
            devices.Add(candidate.Device with { UnavailableReason = reason });
        }
        return devices;
    }

    private static ComputeDevice Processor => new(
        "Cpu", ComputeApi.Cpu, CpuDevice.NameOf(Environment.ProcessorCount), GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
        IsGpu: false, null);

    /// <summary>Opens a device.</summary>
    /// <param name="selector">
    /// <c>Cpu</c>, <c>Cuda</c>, <c>Cuda:1</c>, <c>OpenCL</c>, <c>OpenCL:0</c>, or <c>Auto</c>: the first usable graphics
    /// card, for the types that gain from it, otherwise the processor.
    /// </param>
    /// <param name="threads">Processor cores to use; 0 for all.</param>
    /// <param name="warn">Receives one message if a card fails later and the processor continues alone.</param>
    /// <param name="plans">
    /// What it will quantize, if known: <c>Auto</c> looks for no card if little would gain from one, and a card is tried only
    /// with the plans' types.
    /// </param>
    /// <param name="progress">Receives the kernels being tried.</param>
    /// <param name="token">Cancels before the next trial.</param>
    /// <param name="explain">Receives one sentence: the device that was chosen, and why.</param>
    /// <exception cref="ArgumentException">The selector is not valid.</exception>
    /// <exception cref="GpuException">The requested device does not exist or is not usable; the message says why.</exception>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    public static IQuantizationDevice Open(
        string selector, int threads = 0, Action<string>? warn = null, IReadOnlyCollection<QuantizationPlan>? plans = null,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default, Action<string>? explain = null)
    {
        ArgumentNullException.ThrowIfNull(selector);
        (ComputeApi? api, int? index) = Parse(selector) ?? throw new ArgumentException(InvalidSelector(selector), nameof(selector));
        IQuantizationDevice Chosen(IQuantizationDevice device, string reason)
        {
            explain?.Invoke($"{device.Name}: {reason}");
            return device;
        }
        if (api == ComputeApi.Cpu)
            return Chosen(new CpuDevice(threads), "the requested device.");
        if (api is null && plans is not null && !GpuDevice.Gains(plans, threads))
            return Chosen(new CpuDevice(threads), "this conversion would gain too little from a graphics card to look for one.");

        IReadOnlyCollection<GgmlType> types = plans is null ? KernelPlan.Types : GpuDevice.TypesOf(plans, onlyWhereItGains: api is null);
        List<string> reasons = [];
        int position = 0;
        foreach (Candidate candidate in FindAll().Where(candidate => api is null ? candidate.Device.IsGpu : candidate.Device.Api == api))
        {
            if (index is not null && candidate.Open is not null && position++ != index)
                continue;
            string? reason = candidate.Device.UnavailableReason;
            if (reason is null && TryOpen(candidate, types, progress, token, out IGpuDriver? driver, out reason))
            {
                return Chosen(
                    new GpuDevice(driver!, threads, types, onlyWhereItGains: api is null, warn),
                    api is null ? "the first graphics card whose trial gave the processor's bytes." : "the requested device.");
            }
            reasons.Add(candidate.Open is null ? reason! : $"{candidate.Device.Name}: {reason}");
        }
        if (api is null)
            return Chosen(new CpuDevice(threads), $"no graphics card can be used. {string.Join(" ", reasons)}".TrimEnd());
        throw new GpuException(reasons.Count == 0
            ? $"This machine has no device '{selector}'. Get-QuantDevice lists the available ones."
            : $"The device '{selector}' cannot be used. {string.Join(" ", reasons)}");
    }

    /// <summary>Whether <see cref="Open"/> accepts a selector, whether or not the device exists.</summary>
    public static bool IsSelector(string selector) => Parse(selector) is not null;

    /// <summary>The message for an invalid selector.</summary>
    public static string InvalidSelector(string selector) => $"'{selector}' is not a device: use Auto, Cpu, Cuda, Cuda:0, OpenCL or OpenCL:0.";

    // A null interface stands for Auto.
    private static (ComputeApi? Api, int? Index)? Parse(string selector)
    {
        if (selector.Equals("Auto", StringComparison.OrdinalIgnoreCase))
            return (null, null);
        string[] parts = selector.Split(':');
        if (!Enum.GetNames<ComputeApi>().Contains(parts[0], StringComparer.OrdinalIgnoreCase))
            return null;
        ComputeApi api = Enum.Parse<ComputeApi>(parts[0], ignoreCase: true);
        return parts switch
        {
            [_] => (api, null),
            [_, string index] when int.TryParse(index, System.Globalization.NumberStyles.None, null, out int number) => (api, number),
            _ => null,
        };
    }

    /// <summary>Every device as its driver describes it, except the processor.</summary>
    internal static IEnumerable<Candidate> FindAll() => [.. FindCuda(CudaApi.Load()), .. FindOpenCl(OpenClApi.Load())];

    internal static IEnumerable<Candidate> FindCuda((CudaApi? Api, string? Missing) cuda)
    {
        if (cuda.Api is null)
            return [Candidate.None(ComputeApi.Cuda, cuda.Missing!)];
        try
        {
            IReadOnlyList<CudaDevice> devices = CudaDevice.List(cuda.Api);
            if (devices.Count == 0)
                return [Candidate.None(ComputeApi.Cuda, "The NVIDIA driver found no graphics card.")];
            return devices.Select(device => new Candidate(
                new($"Cuda:{device.Ordinal}", ComputeApi.Cuda, device.Name, device.Memory, IsGpu: true, null),
                () => new CudaDriver(cuda.Api, device, KernelSource.Ptx)));
        }
        catch (GpuException exception)
        {
            return [Candidate.None(ComputeApi.Cuda, exception.Message)];
        }
    }

    private static IEnumerable<Candidate> FindOpenCl((OpenClApi? Api, string? Missing) openCl)
    {
        if (openCl.Api is null)
            return [Candidate.None(ComputeApi.OpenCL, openCl.Missing!)];
        try
        {
            IReadOnlyList<OpenClDevice> devices = OpenClDevice.List(openCl.Api);
            if (devices.Count == 0)
                return [Candidate.None(ComputeApi.OpenCL, "OpenCL found no device: the graphics driver's OpenCL component is not installed.")];
            return devices.Select((device, i) => new Candidate(
                new($"OpenCL:{i}", ComputeApi.OpenCL, device.Name, device.Memory, device.IsGpu, device.UnavailableReason),
                () => new OpenClDriver(openCl.Api, device, KernelSource.OpenCl)));
        }
        catch (GpuException exception)
        {
            return [Candidate.None(ComputeApi.OpenCL, exception.Message)];
        }
    }

    private static string? Try(Candidate candidate, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        if (!TryOpen(candidate, KernelPlan.Types, progress, token, out IGpuDriver? driver, out string? reason))
            return reason;
        driver!.Dispose();
        return null;
    }

    private static bool TryOpen(
        Candidate candidate, IReadOnlyCollection<GgmlType> types, IProgress<WorkProgress>? progress, CancellationToken token,
        out IGpuDriver? driver, out string? reason)
    {
        driver = null;
        try
        {
            driver = candidate.Open!();
            reason = SelfTest.Run(driver, types, progress, token);
        }
        catch (GpuException exception)
        {
            reason = exception.Message;
        }
        catch (OperationCanceledException)
        {
            driver?.Dispose();
            throw;
        }
        if (reason is null)
            return true;
        driver?.Dispose();
        driver = null;
        return false;
    }

    /// <summary>A device as its driver describes it, and how to open it; null if there is none.</summary>
    internal sealed record Candidate(ComputeDevice Device, Func<IGpuDriver>? Open)
    {
        internal static Candidate None(ComputeApi api, string reason) =>
            new(new($"{api}", api, $"{api}", 0, IsGpu: false, reason), null);
    }
}
