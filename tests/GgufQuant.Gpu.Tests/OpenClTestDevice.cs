using GgufQuant.Gpu.OpenCl;

namespace GgufQuant.Gpu.Tests;

/// <summary>The first OpenCL device of this machine that the kernels accept; PoCL's processor will do.</summary>
internal static class OpenClTestDevice
{
    /// <summary>Tests that use OpenCL run one after the other: PoCL crashes where two contexts come and go at once.</summary>
    internal const string Collection = "OpenCL";

    private const string Install = "PoCL makes one of the processor: install pocl-opencl-icd.";

    private static readonly Lazy<(OpenClApi? Api, OpenClDevice? Device, string? Missing)> s_found = new(Find);

    /// <summary>Why there is none; null if there is one.</summary>
    internal static string? Missing => s_found.Value.Missing;

    /// <summary>The device with kernels of a source; skips the test where there is none.</summary>
    internal static OpenClDriver Open(Func<string, string> source)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        return Open(source, s_found.Value.Api!);
    }

    /// <summary>The same through other functions of OpenCL.</summary>
    internal static OpenClDriver Open(Func<string, string> source, OpenClApi api) => new(api, s_found.Value.Device!, source);

    private static (OpenClApi? Api, OpenClDevice? Device, string? Missing) Find()
    {
        (OpenClApi? api, string? missing) = OpenClApi.Load();
        if (api is null)
            return (null, null, $"{missing} {Install}");
        IReadOnlyList<OpenClDevice> devices = OpenClDevice.List(api);
        OpenClDevice? device = devices.FirstOrDefault(device => device.UnavailableReason is null);
        return (api, device, device is not null ? null
            : devices.Count == 0 ? $"OpenCL knows no device here. {Install}"
            : string.Join(" ", devices.Select(device => $"'{device.Name}': {device.UnavailableReason}")));
    }
}
