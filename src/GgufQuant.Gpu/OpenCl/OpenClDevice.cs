namespace GgufQuant.Gpu.OpenCl;

/// <summary>A device that OpenCL reports, and what it promises about its arithmetic.</summary>
/// <param name="Id">OpenCL's handle.</param>
/// <param name="Name">The device's name.</param>
/// <param name="Memory">Its memory in bytes.</param>
/// <param name="IsGpu">Whether it is a graphics card; OpenCL runs on processors too.</param>
/// <param name="UnavailableReason">Why its arithmetic cannot give ggml's bits; null if it can.</param>
internal sealed record OpenClDevice(nint Id, string Name, long Memory, bool IsGpu, string? UnavailableReason)
{
    private const ulong AllTypes = 0xFFFFFFFF;
    private const ulong GpuType = 1 << 2;
    private const uint TypeProperty = 0x1000;
    private const uint SingleFloatProperty = 0x101B;
    private const uint MemoryProperty = 0x101F;
    private const uint LittleEndianProperty = 0x1026;
    private const uint CompilerProperty = 0x1028;
    private const uint NameProperty = 0x102B;
    private const uint AddressBitsProperty = 0x100D;

    private static readonly (ulong Bit, string Name)[] s_required =
    [
        (1 << 0, "denormal numbers"),
        (1 << 1, "infinities and NaN"),
        (1 << 2, "round-to-nearest"),
        (1 << 7, "correctly rounded division and square root"),
    ];

    /// <summary>Every device of every platform, in OpenCL's order.</summary>
    /// <exception cref="GpuException">OpenCL reports an error.</exception>
    internal static unsafe IReadOnlyList<OpenClDevice> List(OpenClApi api)
    {
        uint count = 0;
        int status = api.GetPlatformIds(0, null, &count);
        if (status == OpenClApi.PlatformNotFound || count == 0)
            return [];
        OpenClApi.Check(status, "list platforms");
        nint[] platforms = new nint[count];
        fixed (nint* first = platforms)
            OpenClApi.Check(api.GetPlatformIds(count, first, null), "list platforms");
        return [.. platforms.SelectMany(platform => List(api, platform))];
    }

    private static unsafe List<OpenClDevice> List(OpenClApi api, nint platform)
    {
        uint count = 0;
        int status = api.GetDeviceIds(platform, AllTypes, 0, null, &count);
        if (status == OpenClApi.DeviceNotFound || count == 0)
            return [];
        OpenClApi.Check(status, "list devices");
        nint[] devices = new nint[count];
        fixed (nint* first = devices)
            OpenClApi.Check(api.GetDeviceIds(platform, AllTypes, count, first, null), "list devices");
        return [.. devices.Select(device => Describe(api, device))];
    }

    private static OpenClDevice Describe(OpenClApi api, nint device) => new(
        device,
        api.Text(device, NameProperty),
        (long)Math.Min(api.Info<ulong>(device, MemoryProperty), long.MaxValue),
        (api.Info<ulong>(device, TypeProperty) & GpuType) != 0,
        FindUnavailableReason(api, device));

    private static string? FindUnavailableReason(OpenClApi api, nint device)
    {
        if (api.Info<int>(device, CompilerProperty) == 0)
            return "It has no kernel compiler.";
        if (api.Info<int>(device, LittleEndianProperty) == 0 || api.Info<uint>(device, AddressBitsProperty) != 64)
            return "It is not a little-endian device with 64-bit addresses.";
        ulong single = api.Info<ulong>(device, SingleFloatProperty);
        string[] missing = [.. s_required.Where(feature => (single & feature.Bit) == 0).Select(feature => feature.Name)];
        return missing.Length == 0 ? null : $"Its single-precision arithmetic lacks {string.Join(" and ", missing)}, so it cannot produce llama.cpp's bytes.";
    }
}
