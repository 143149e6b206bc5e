using System.Runtime.InteropServices;

namespace GgufQuant.Evaluation.Engines;

/// <summary><c>ggml_tensor</c> as laid out in ggml 0.18 and 0.25; checked against the library at load time.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeTensor
{
    public int Type;
    public nint Buffer;
    public fixed long Shape[4];
    public fixed ulong Stride[4];
    public int Operation;
    public fixed int Parameters[16];
    public int Flags;
    public NativeTensor* Source0;
    public NativeTensor* Source1;
    public NativeTensor* Source2;
    private fixed long _furtherSources[7];
    public NativeTensor* ViewSource;
    public nuint ViewOffset;
    public byte* Data;
    public fixed byte Name[64];
    private readonly nint _extra;
    private readonly nint _padding;
}
