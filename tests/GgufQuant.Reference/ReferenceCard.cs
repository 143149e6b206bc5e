using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.Reference;

/// <summary>A fake graphics card: the library places a model on it, but can neither allocate nor compute there.</summary>
/// <remarks>
/// It is a <c>ggml_backend_device</c> with what decides the placement of CUDA's: all operations are supported, those on at least 32
/// tokens are offloaded, and tensors are aligned to 128 bytes. It is not registered, so that only who asks for it gets it.
/// </remarks>
internal static unsafe class ReferenceCard
{
    private const nuint Alignment = 128;
    private const long OffloadedBatch = 32;
    private const int TypeGpu = 1;
    private const int FirstDimension = 16;
    private const int Operation = 80;

    // Nothing is ever read or written there.
    private const nint Address = 1 << 30;

    private static readonly Lazy<nint> s_device = new(Make);
    private static readonly nint s_name = Marshal.StringToCoTaskMemUTF8("Card");
    private static readonly nint s_deviceList = Marshal.AllocHGlobal(2 * sizeof(nint));
    private static readonly nuint s_memory = (nuint)1 << 50;
    private static nint s_bufferType;
    private static nint s_registry;
    private static nint s_getRows;

    /// <summary>The device list of <c>llama_model_params</c> with the card alone.</summary>
    internal static nint Devices
    {
        get
        {
            ((nint*)s_deviceList)[0] = s_device.Value;
            ((nint*)s_deviceList)[1] = 0;
            return s_deviceList;
        }
    }

    /// <summary>Whether a buffer type is the card's.</summary>
    internal static bool IsBufferType(nint type) => type == s_bufferType;

    private static nint Make()
    {
        s_getRows = Marshal.StringToCoTaskMemUTF8("GET_ROWS");
        // ggml_backend_reg: its version, four functions and a context.
        s_registry = Table(2, (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&Name, (nint)(delegate* unmanaged[Cdecl]<nint, nuint>)&One, (nint)(delegate* unmanaged[Cdecl]<nint, nuint, nint>)&DeviceAt, (nint)(delegate* unmanaged[Cdecl]<nint, nint, nint>)&NoFunction, 0);
        // ggml_backend_device: 15 functions, the registry and a context.
        nint device = Table(
            (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&Name,
            (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&Name,
            (nint)(delegate* unmanaged[Cdecl]<nint, nuint*, nuint*, void>)&MemoryOf,
            (nint)(delegate* unmanaged[Cdecl]<nint, int>)&TypeOf,
            (nint)(delegate* unmanaged[Cdecl]<nint, DeviceProperties*, void>)&PropertiesOf,
            (nint)(delegate* unmanaged[Cdecl]<nint, nint, nint>)&Start,
            (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&BufferTypeOf,
            0,
            0,
            (nint)(delegate* unmanaged[Cdecl]<nint, nint, byte>)&Supports,
            (nint)(delegate* unmanaged[Cdecl]<nint, nint, byte>)&SupportsBufferType,
            (nint)(delegate* unmanaged[Cdecl]<nint, byte*, byte>)&Offloads,
            0,
            0,
            0,
            s_registry,
            0);
        // ggml_backend_buffer_type: six functions, the device and a context.
        s_bufferType = Table(
            (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&Name,
            (nint)(delegate* unmanaged[Cdecl]<nint, nuint, nint>)&Allocate,
            (nint)(delegate* unmanaged[Cdecl]<nint, nuint>)&AlignmentOf,
            0,
            0,
            0,
            device,
            0);
        return device;
    }

    private static nint Table(params ReadOnlySpan<nint> values)
    {
        nint table = Marshal.AllocHGlobal(values.Length * sizeof(nint));
        values.CopyTo(new Span<nint>((void*)table, values.Length));
        return table;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Name(nint any) => s_name;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint One(nint registry) => 1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint DeviceAt(nint registry, nuint index) => s_device.Value;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint NoFunction(nint registry, nint name) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void MemoryOf(nint device, nuint* free, nuint* total) => *free = *total = s_memory;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int TypeOf(nint device) => TypeGpu;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void PropertiesOf(nint device, DeviceProperties* properties) =>
        *properties = new() { Name = s_name, Description = s_name, Free = s_memory, Total = s_memory, Type = TypeGpu };

    // ggml_backend: an id, 16 functions, the device and a context.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Start(nint device, nint parameters)
    {
        Span<nint> backend = stackalloc nint[24];
        backend.Clear();
        backend[1] = (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&Name;
        backend[2] = (nint)(delegate* unmanaged[Cdecl]<nint, void>)&End;
        backend[17] = device;
        return Table(backend);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void End(nint backend) => Marshal.FreeHGlobal(backend);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint BufferTypeOf(nint device) => s_bufferType;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte Supports(nint device, nint operation) => 1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte SupportsBufferType(nint device, nint type) => type == s_bufferType ? (byte)1 : (byte)0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte Offloads(nint device, byte* tensor)
    {
        long* dimensions = (long*)(tensor + FirstDimension);
        string name = Marshal.PtrToStringUTF8(((delegate* unmanaged<int, nint>)ReferenceLibrary.Base("ggml_op_name"))(*(int*)(tensor + Operation)))!;
        long batch = name switch
        {
            "GET_ROWS" => 0,
            "MUL_MAT" => dimensions[1],
            "MUL_MAT_ID" or "ROPE" => dimensions[2],
            _ => dimensions[1] * dimensions[2] * dimensions[3],
        };
        return batch >= OffloadedBatch ? (byte)1 : (byte)0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint AlignmentOf(nint type) => Alignment;

    // Recurrent states are allocated whatever the model's parameters say.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Allocate(nint type, nuint size)
    {
        BufferFunctions functions = new()
        {
            Base = &BaseOf,
            Clear = &ClearBuffer,
        };
        return ((delegate* unmanaged<nint, BufferFunctions, nint, nuint, nint>)ReferenceLibrary.Base("ggml_backend_buffer_init"))(type, functions, 0, size);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint BaseOf(nint buffer) => Address;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ClearBuffer(nint buffer, byte value)
    {
    }

    // ggml_backend_buffer_i.
    [StructLayout(LayoutKind.Sequential)]
    private struct BufferFunctions
    {
        public nint Free;
        public delegate* unmanaged[Cdecl]<nint, nint> Base;
        public nint Initialize;
        public nint SetAll;
        public nint Set;
        public nint Get;
        public nint SetRows;
        public nint GetRows;
        public nint Copy;
        public delegate* unmanaged[Cdecl]<nint, byte, void> Clear;
        public nint Reset;
    }

    // ggml_backend_dev_props.
    [StructLayout(LayoutKind.Sequential)]
    private struct DeviceProperties
    {
        public nint Name;
        public nint Description;
        public nuint Free;
        public nuint Total;
        public int Type;
        public nint Id;
        public byte Async;
        public byte HostBuffer;
        public byte BufferFromHost;
        public byte Events;
        public byte MemoryMapping;
    }
}
