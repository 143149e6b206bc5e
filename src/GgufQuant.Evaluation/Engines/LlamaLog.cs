using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace GgufQuant.Evaluation.Engines;

/// <summary>llama.cpp's log, in whole lines.</summary>
internal static unsafe class LlamaLog
{
    private const int Continuation = 5;

    [ThreadStatic]
    private static StringBuilder? s_line;

    [ThreadStatic]
    private static LlamaLogLevel s_level;

    /// <summary>Errors logged on this thread since it was set to an empty list; null to collect none.</summary>
    [field: ThreadStatic]
    internal static List<string>? Complaints { get; set; }

    /// <summary>Reads the sizes in what is logged on this thread; null to read none.</summary>
    [field: ThreadStatic]
    internal static AllocationLog? Allocations { get; set; }

    /// <summary>Receives each line, on the thread that logged it.</summary>
    internal static Action<LlamaLogLevel, string>? Receiver { get; set; }

    /// <summary>Redirects the log of a loaded library and of the ggml it uses.</summary>
    /// <param name="llama">The loaded libllama.</param>
    /// <exception cref="EntryPointNotFoundException">The library has no function to redirect its log.</exception>
    internal static void Attach(nint llama)
    {
        var setLog = (delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<int, byte*, nint, void>, nint, void>)NativeLibrary.GetExport(llama, "llama_log_set");
        setLog(&OnLog, 0);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnLog(int level, byte* text, nint state)
    {
        try
        {
            Append(level, Marshal.PtrToStringUTF8((nint)text) ?? "");
        }
        catch (Exception)
        {
            // A receiver's exception must not unwind through native frames; losing a log line is the lesser evil.
        }
    }

    private static void Append(int level, string text)
    {
        StringBuilder line = s_line ??= new();
        if (level != Continuation)
            s_level = (LlamaLogLevel)level;
        line.Append(text);
        if (!text.EndsWith('\n'))
            return;
        string whole = line.ToString().TrimEnd();
        line.Clear();
        if (whole.Length == 0)
            return;
        if (s_level == LlamaLogLevel.Error)
            Complaints?.Add(whole);
        Allocations?.Add(whole);
        Receiver?.Invoke(s_level, whole);
    }
}
