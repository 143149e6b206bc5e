using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Reference;

/// <summary>libggml-base's own reader and writer of GGUF files.</summary>
public static unsafe class ReferenceGguf
{
    private static readonly delegate* unmanaged<byte*, InitParameters, nint> s_initFromFile =
        (delegate* unmanaged<byte*, InitParameters, nint>)ReferenceLibrary.Base("gguf_init_from_file");

    /// <summary>What <c>gguf_init_from_file</c> reads from a file's header; null if it rejects the file.</summary>
    public static ReferenceHeader? Read(string path)
    {
        Silence();
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0'))
        {
            nint context = s_initFromFile(name, new InitParameters(NoAllocation: 1, Context: 0));
            if (context == 0)
                return null;
            try
            {
                return Describe(context);
            }
            finally
            {
                Free(context);
            }
        }
    }

    /// <summary>Whether <c>gguf_init_from_buffer</c> accepts a file's header.</summary>
    public static bool Accepts(ReadOnlySpan<byte> file)
    {
        Silence();
        fixed (byte* bytes = file)
        {
            nint context = ((delegate* unmanaged<byte*, nuint, InitParameters, nint>)ReferenceLibrary.Base("gguf_init_from_buffer"))(
                bytes, (nuint)file.Length, new InitParameters(NoAllocation: 1, Context: 0));
            if (context == 0)
                return false;
            Free(context);
            return true;
        }
    }

    /// <summary>The bytes that <c>gguf_write_to_file</c> makes of metadata and of tensors whose data is given.</summary>
    public static byte[] Write(
        IEnumerable<(string Key, object Value)> metadata, IReadOnlyList<(GgufTensorInfo Info, byte[] Data)> tensors, string temporaryPath)
    {
        nint context = ((delegate* unmanaged<nint>)ReferenceLibrary.Base("gguf_init_empty"))();
        nint arena = ((delegate* unmanaged<ArenaParameters, nint>)ReferenceLibrary.Base("ggml_init"))(
            new ArenaParameters((nuint)(1 << 20) + (nuint)tensors.Sum(tensor => tensor.Data.Length + 1024), Buffer: 0, NoAllocation: 0));
        try
        {
            foreach ((string key, object value) in metadata)
                Set(context, key, value);
            foreach ((GgufTensorInfo info, byte[] data) in tensors)
                Add(context, arena, info, data);
            fixed (byte* name = Encoding.UTF8.GetBytes(temporaryPath + '\0'))
            {
                if (((delegate* unmanaged<nint, byte*, byte, byte>)ReferenceLibrary.Base("gguf_write_to_file"))(context, name, 0) == 0)
                    throw new IOException($"ggml could not write '{temporaryPath}'.");
            }
            return File.ReadAllBytes(temporaryPath);
        }
        finally
        {
            Free(context);
            ((delegate* unmanaged<nint, void>)ReferenceLibrary.Base("ggml_free"))(arena);
            File.Delete(temporaryPath);
        }
    }

    // The library writes what it dislikes to the console.
    private static void Silence() =>
        ((delegate* unmanaged<delegate* unmanaged<int, byte*, void*, void>, void*, void>)ReferenceLibrary.Base("ggml_log_set"))(&Ignore, null);

    [UnmanagedCallersOnly]
    private static void Ignore(int level, byte* text, void* data)
    {
    }

    private static void Free(nint context) =>
        ((delegate* unmanaged<nint, void>)ReferenceLibrary.Base("gguf_free"))(context);

    private static ReferenceHeader Describe(nint context)
    {
        List<ReferenceEntry> entries = [];
        for (long i = 0; i < Number("gguf_get_n_kv", context); i++)
        {
            GgufValueType type = (GgufValueType)(int)Number("gguf_get_kv_type", context, i);
            bool isArray = type == GgufValueType.Array;
            GgufValueType elementType = isArray ? (GgufValueType)(int)Number("gguf_get_arr_type", context, i) : type;
            long count = isArray ? Number("gguf_get_arr_n", context, i) : 1;
            entries.Add(new ReferenceEntry(Text("gguf_get_key", context, i), type, elementType, count, Values(context, i, isArray, elementType, count)));
        }

        List<ReferenceTensor> tensors = [];
        for (long i = 0; i < Number("gguf_get_n_tensors", context); i++)
        {
            long* shape = (long*)Pointer("gguf_get_tensor_ne", context, i);
            tensors.Add(new ReferenceTensor(
                Text("gguf_get_tensor_name", context, i), (GgmlType)(int)Number("gguf_get_tensor_type", context, i),
                new ReadOnlySpan<long>(shape, 4).ToArray(), Number("gguf_get_tensor_offset", context, i), Number("gguf_get_tensor_size", context, i)));
        }
        return new ReferenceHeader(
            (uint)Number("gguf_get_version", context), Number("gguf_get_alignment", context), Number("gguf_get_data_offset", context), entries, tensors);
    }

    private static object Values(nint context, long index, bool isArray, GgufValueType type, long count)
    {
        if (type == GgufValueType.String)
        {
            if (!isArray)
                return Text("gguf_get_val_str", context, index);
            string[] texts = new string[count];
            for (long i = 0; i < count; i++)
            {
                texts[i] = Marshal.PtrToStringUTF8(
                    ((delegate* unmanaged<nint, long, nuint, nint>)ReferenceLibrary.Base("gguf_get_arr_str"))(context, index, (nuint)i))!;
            }
            return texts;
        }
        int size = type switch
        {
            GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Boolean => 1,
            GgufValueType.UInt16 or GgufValueType.Int16 => 2,
            GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
            _ => 8,
        };
        nint data = Pointer(isArray ? "gguf_get_arr_data" : "gguf_get_val_data", context, index);
        return new ReadOnlySpan<byte>((void*)data, checked((int)count * size)).ToArray();
    }

    private static void Set(nint context, string key, object value)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(key + '\0'))
        {
            switch (value)
            {
                case string text:
                    fixed (byte* bytes = Encoding.UTF8.GetBytes(text + '\0'))
                        ((delegate* unmanaged<nint, byte*, byte*, void>)ReferenceLibrary.Base("gguf_set_val_str"))(context, name, bytes);
                    return;
                case string[] texts:
                    nint[] pointers = [.. texts.Select(Marshal.StringToCoTaskMemUTF8)];
                    fixed (nint* first = pointers)
                        ((delegate* unmanaged<nint, byte*, nint*, nuint, void>)ReferenceLibrary.Base("gguf_set_arr_str"))(context, name, first, (nuint)texts.Length);
                    Array.ForEach(pointers, Marshal.FreeCoTaskMem);
                    return;
                case Array array:
                    byte[] data = new byte[Math.Max(1, Buffer.ByteLength(array))];
                    Buffer.BlockCopy(array, 0, data, 0, Buffer.ByteLength(array));
                    GgufValueType elementType = GgufEntry.Create(key, value).ElementType!.Value;
                    fixed (byte* first = data)
                        ((delegate* unmanaged<nint, byte*, int, byte*, nuint, void>)ReferenceLibrary.Base("gguf_set_arr_data"))(context, name, (int)elementType, first, (nuint)array.Length);
                    return;
                case byte number:
                    ((delegate* unmanaged<nint, byte*, byte, void>)ReferenceLibrary.Base("gguf_set_val_u8"))(context, name, number);
                    return;
                case sbyte number:
                    ((delegate* unmanaged<nint, byte*, sbyte, void>)ReferenceLibrary.Base("gguf_set_val_i8"))(context, name, number);
                    return;
                case ushort number:
                    ((delegate* unmanaged<nint, byte*, ushort, void>)ReferenceLibrary.Base("gguf_set_val_u16"))(context, name, number);
                    return;
                case short number:
                    ((delegate* unmanaged<nint, byte*, short, void>)ReferenceLibrary.Base("gguf_set_val_i16"))(context, name, number);
                    return;
                case uint number:
                    ((delegate* unmanaged<nint, byte*, uint, void>)ReferenceLibrary.Base("gguf_set_val_u32"))(context, name, number);
                    return;
                case int number:
                    ((delegate* unmanaged<nint, byte*, int, void>)ReferenceLibrary.Base("gguf_set_val_i32"))(context, name, number);
                    return;
                case float number:
                    ((delegate* unmanaged<nint, byte*, float, void>)ReferenceLibrary.Base("gguf_set_val_f32"))(context, name, number);
                    return;
                case bool flag:
                    ((delegate* unmanaged<nint, byte*, byte, void>)ReferenceLibrary.Base("gguf_set_val_bool"))(context, name, flag ? (byte)1 : (byte)0);
                    return;
                case ulong number:
                    ((delegate* unmanaged<nint, byte*, ulong, void>)ReferenceLibrary.Base("gguf_set_val_u64"))(context, name, number);
                    return;
                case long number:
                    ((delegate* unmanaged<nint, byte*, long, void>)ReferenceLibrary.Base("gguf_set_val_i64"))(context, name, number);
                    return;
                case double number:
                    ((delegate* unmanaged<nint, byte*, double, void>)ReferenceLibrary.Base("gguf_set_val_f64"))(context, name, number);
                    return;
                default:
                    throw new ArgumentException($"ggml cannot set a {value.GetType()}.", nameof(value));
            }
        }
    }

    private static void Add(nint context, nint arena, GgufTensorInfo info, byte[] data)
    {
        nint tensor;
        fixed (long* shape = info.Shape.ToArray())
            tensor = ((delegate* unmanaged<nint, int, int, long*, nint>)ReferenceLibrary.Base("ggml_new_tensor"))(arena, (int)info.Type, info.Shape.Length, shape);
        fixed (byte* name = Encoding.UTF8.GetBytes(info.Name + '\0'))
            ((delegate* unmanaged<nint, byte*, nint>)ReferenceLibrary.Base("ggml_set_name"))(tensor, name);
        data.CopyTo(new Span<byte>((void*)((delegate* unmanaged<nint, nint>)ReferenceLibrary.Base("ggml_get_data"))(tensor), data.Length));
        ((delegate* unmanaged<nint, nint, void>)ReferenceLibrary.Base("gguf_add_tensor"))(context, tensor);
    }

    private static long Number(string function, nint context) =>
        function is "gguf_get_version"
            ? ((delegate* unmanaged<nint, uint>)ReferenceLibrary.Base(function))(context)
            : ((delegate* unmanaged<nint, long>)ReferenceLibrary.Base(function))(context);

    private static long Number(string function, nint context, long index) =>
        function.EndsWith("_type", StringComparison.Ordinal)
            ? ((delegate* unmanaged<nint, long, int>)ReferenceLibrary.Base(function))(context, index)
            : ((delegate* unmanaged<nint, long, long>)ReferenceLibrary.Base(function))(context, index);

    private static nint Pointer(string function, nint context, long index) =>
        ((delegate* unmanaged<nint, long, nint>)ReferenceLibrary.Base(function))(context, index);

    private static string Text(string function, nint context, long index) => Marshal.PtrToStringUTF8(Pointer(function, context, index))!;

    private readonly record struct InitParameters(byte NoAllocation, nint Context);

    private readonly record struct ArenaParameters(nuint Size, nint Buffer, byte NoAllocation);
}

/// <summary>A header as ggml understands it.</summary>
public sealed record ReferenceHeader(
    uint Version, long Alignment, long DataOffset, IReadOnlyList<ReferenceEntry> Entries, IReadOnlyList<ReferenceTensor> Tensors);

/// <summary>A metadata entry as ggml understands it; the value is text, texts, or the bytes of numbers.</summary>
public sealed record ReferenceEntry(string Key, GgufValueType Type, GgufValueType ElementType, long Count, object Value);

/// <summary>A tensor as ggml understands it, with all four dimensions.</summary>
public sealed record ReferenceTensor(string Name, GgmlType Type, long[] Shape, long Offset, long ByteCount);
