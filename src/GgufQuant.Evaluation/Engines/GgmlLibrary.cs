using System.Runtime.InteropServices;

namespace GgufQuant.Evaluation.Engines;

/// <summary>The functions of a loaded libggml-base that read and write tensors.</summary>
internal sealed unsafe class GgmlLibrary
{
    private readonly delegate* unmanaged[Cdecl]<byte*> _version;
    private readonly delegate* unmanaged[Cdecl]<int, byte*> _operationName;
    private readonly delegate* unmanaged[Cdecl]<nuint> _tensorOverhead;
    private readonly delegate* unmanaged[Cdecl]<ContextParameters, nint> _createContext;
    private readonly delegate* unmanaged[Cdecl]<nint, void> _freeContext;
    private readonly delegate* unmanaged[Cdecl]<nint, int, long, long, NativeTensor*> _newTensor;
    private readonly delegate* unmanaged[Cdecl]<nint, NativeTensor*, NativeTensor*, NativeTensor*> _multiplyMatrices;
    private readonly delegate* unmanaged[Cdecl]<NativeTensor*, byte*> _tensorName;
    private readonly delegate* unmanaged[Cdecl]<NativeTensor*, nuint> _byteCount;
    private readonly delegate* unmanaged[Cdecl]<nint, byte> _isHostBuffer;
    private readonly delegate* unmanaged[Cdecl]<NativeTensor*, void*, nuint, nuint, void> _read;
    private readonly delegate* unmanaged[Cdecl]<NativeTensor*, void*, nuint, nuint, void> _write;

    /// <summary>Binds the functions.</summary>
    /// <param name="handle">The loaded library.</param>
    /// <exception cref="EntryPointNotFoundException">The library lacks one of them.</exception>
    internal GgmlLibrary(nint handle)
    {
        _version = (delegate* unmanaged[Cdecl]<byte*>)NativeLibrary.GetExport(handle, "ggml_version");
        _operationName = (delegate* unmanaged[Cdecl]<int, byte*>)NativeLibrary.GetExport(handle, "ggml_op_name");
        _tensorOverhead = (delegate* unmanaged[Cdecl]<nuint>)NativeLibrary.GetExport(handle, "ggml_tensor_overhead");
        _createContext = (delegate* unmanaged[Cdecl]<ContextParameters, nint>)NativeLibrary.GetExport(handle, "ggml_init");
        _freeContext = (delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(handle, "ggml_free");
        _newTensor = (delegate* unmanaged[Cdecl]<nint, int, long, long, NativeTensor*>)NativeLibrary.GetExport(handle, "ggml_new_tensor_2d");
        _multiplyMatrices = (delegate* unmanaged[Cdecl]<nint, NativeTensor*, NativeTensor*, NativeTensor*>)NativeLibrary.GetExport(handle, "ggml_mul_mat");
        _tensorName = (delegate* unmanaged[Cdecl]<NativeTensor*, byte*>)NativeLibrary.GetExport(handle, "ggml_get_name");
        _byteCount = (delegate* unmanaged[Cdecl]<NativeTensor*, nuint>)NativeLibrary.GetExport(handle, "ggml_nbytes");
        _isHostBuffer = (delegate* unmanaged[Cdecl]<nint, byte>)NativeLibrary.GetExport(handle, "ggml_backend_buffer_is_host");
        _read = (delegate* unmanaged[Cdecl]<NativeTensor*, void*, nuint, nuint, void>)NativeLibrary.GetExport(handle, "ggml_backend_tensor_get");
        _write = (delegate* unmanaged[Cdecl]<NativeTensor*, void*, nuint, nuint, void>)NativeLibrary.GetExport(handle, "ggml_backend_tensor_set");
        MatrixProduct = FindOperation("MUL_MAT");
        IndirectMatrixProduct = FindOperation("MUL_MAT_ID");
    }

    /// <summary>The number of the <c>GGML_OP_MUL_MAT</c> operation; -1 if there is none.</summary>
    internal int MatrixProduct { get; }

    /// <summary>The number of the <c>GGML_OP_MUL_MAT_ID</c> operation; -1 if there is none.</summary>
    internal int IndirectMatrixProduct { get; }

    /// <summary>ggml's version, for example <c>0.18.0</c>.</summary>
    internal string Version => Marshal.PtrToStringUTF8((nint)_version()) ?? "";

    /// <summary>The function that reveals a tensor layout other than <see cref="NativeTensor"/>; null if the layouts agree.</summary>
    internal string? FindLayoutMismatch()
    {
        const int ObjectHeader = 32;
        if (MatrixProduct < 0 || IndirectMatrixProduct < 0)
            return "ggml_op_name";
        if (_tensorOverhead() != (nuint)(ObjectHeader + sizeof(NativeTensor)))
            return "ggml_tensor_overhead";
        nint context = _createContext(new ContextParameters { Size = 16 * _tensorOverhead(), NoAllocation = 1 });
        try
        {
            NativeTensor* weight = _newTensor(context, 0, 3, 5);
            NativeTensor* input = _newTensor(context, 0, 3, 7);
            NativeTensor* product = _multiplyMatrices(context, weight, input);
            bool agrees = product->Operation == MatrixProduct
                && product->Source0 == weight && product->Source1 == input && product->Source2 is null
                && product->Shape[0] == 5 && product->Shape[1] == 7 && input->Stride[1] == 3 * sizeof(float)
                && _tensorName(product) == product->Name && product->Data is null;
            return agrees ? null : "ggml_mul_mat";
        }
        finally
        {
            _freeContext(context);
        }
    }

    /// <summary>Whether the data of tensors in a buffer can be read directly.</summary>
    internal bool IsHostBuffer(nint buffer) => _isHostBuffer(buffer) != 0;

    /// <summary>Bytes of a tensor's data.</summary>
    internal nuint ByteCount(NativeTensor* tensor) => _byteCount(tensor);

    /// <summary>Copies a tensor's data from wherever it is.</summary>
    internal void Read(NativeTensor* tensor, byte* destination, nuint size) => _read(tensor, destination, 0, size);

    /// <summary>Overwrites a part of a tensor's data, wherever it is.</summary>
    internal void Write(NativeTensor* tensor, byte* source, nuint offset, nuint size) => _write(tensor, source, offset, size);

    private int FindOperation(string name)
    {
        for (int operation = 0; operation < 64; operation++)
        {
            if (Marshal.PtrToStringUTF8((nint)_operationName(operation)) == name)
                return operation;
        }
        return -1;
    }

    /// <summary><c>ggml_init_params</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ContextParameters
    {
        public nuint Size;
        public nint Buffer;
        public byte NoAllocation;
    }
}
