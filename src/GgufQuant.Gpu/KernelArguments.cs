using System.Runtime.InteropServices;

namespace GgufQuant.Gpu;

/// <summary>The arguments every kernel takes, in the order of <c>ARGUMENTS</c> in common.cl.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KernelArguments
{
    /// <summary>Number of arguments.</summary>
    internal const int Count = 14;

    /// <summary>Size of each in bytes, by index.</summary>
    internal static ReadOnlySpan<byte> Sizes => [8, 4, 8, 4, 4, 4, 4, 8, 8, 8, 8, 8, 8, 8];

    internal nint Source;
    internal int SourceType;
    internal nint Importance;
    internal int Weighted;
    internal int RowLength;
    internal int Items;
    internal int Stride;
    internal nint Squares;
    internal nint Fits;
    internal nint Levels;
    internal nint GridMap;
    internal nint Neighbours;
    internal nint Blocks;
    internal nint Fault;

    /// <summary>The address of each argument in the structure.</summary>
    internal static unsafe void Addresses(KernelArguments* arguments, void** addresses)
    {
        addresses[0] = &arguments->Source;
        addresses[1] = &arguments->SourceType;
        addresses[2] = &arguments->Importance;
        addresses[3] = &arguments->Weighted;
        addresses[4] = &arguments->RowLength;
        addresses[5] = &arguments->Items;
        addresses[6] = &arguments->Stride;
        addresses[7] = &arguments->Squares;
        addresses[8] = &arguments->Fits;
        addresses[9] = &arguments->Levels;
        addresses[10] = &arguments->GridMap;
        addresses[11] = &arguments->Neighbours;
        addresses[12] = &arguments->Blocks;
        addresses[13] = &arguments->Fault;
    }
}
