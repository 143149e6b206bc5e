using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace GgufQuant.Reference;

/// <summary>What libllama logs. The library has one log for the process, so that one call at a time is listened to.</summary>
internal static unsafe class ReferenceLog
{
    private const int LevelError = 4;

    private static readonly Lock s_lock = new();
    private static readonly StringBuilder s_text = new();
    private static readonly StringBuilder s_errors = new();

    static ReferenceLog()
    {
        var setLog = (delegate* unmanaged<delegate* unmanaged[Cdecl]<int, byte*, void*, void>, void*, void>)ReferenceLibrary.Llama("llama_log_set");
        setLog(&Log, null);
    }

    /// <summary>Runs a call of the library.</summary>
    /// <returns>What it returned, all that it logged, and the errors among that.</returns>
    internal static (T Result, string Text, string Errors) Capture<T>(Func<T> call)
    {
        lock (s_lock)
        {
            s_text.Clear();
            s_errors.Clear();
            T result = call();
            return (result, s_text.ToString(), s_errors.ToString());
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Log(int level, byte* text, void* state)
    {
        string line = Marshal.PtrToStringUTF8((nint)text) ?? "";
        lock (s_text)
        {
            s_text.Append(line);
            if (level == LevelError)
                s_errors.Append(line);
        }
    }
}
