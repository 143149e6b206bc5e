using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.LLamaSharp;

/// <summary>Parameters with spare room: a library with a larger structure must not write past the buffer before it is rejected.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DefaultsProbe<T>
    where T : unmanaged
{
    public T Value;
    private Guard _guard;

    [InlineArray(64)]
    private struct Guard
    {
        private long _first;
    }
}
