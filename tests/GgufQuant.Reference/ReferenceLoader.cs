using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.Reference.Evaluation;

namespace GgufQuant.Reference;

/// <summary>llama.cpp's loader, asked whether it takes a file.</summary>
/// <remarks>
/// A failed assertion of llama.cpp's ends the process. Here its thread is put to sleep for good instead, so that one process can
/// try thousands of files; only a crash ends it.
/// </remarks>
public static unsafe class ReferenceLoader
{
    private static readonly ConcurrentDictionary<int, TaskCompletionSource<string?>> s_running = new();
    private static readonly Lazy<bool> s_ready = new(Prepare);

    [ThreadStatic]
    private static StringBuilder? s_errors;

    /// <summary>Loads a file and frees it again.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Why llama.cpp does not load it; null if it does.</returns>
    public static string? Load(string path)
    {
        _ = s_ready.Value;
        TaskCompletionSource<string?> result = new();
        Thread thread = new(() =>
        {
            s_running[Environment.CurrentManagedThreadId] = result;
            s_errors = new();
            result.TrySetResult(LoadHere(path) ? null : s_errors.ToString());
        }, 16 << 20)
        { IsBackground = true };
        thread.Start();
        return result.Task.GetAwaiter().GetResult();
    }

    private static bool LoadHere(string path)
    {
        ModelParameters parameters = ((delegate* unmanaged[Cdecl]<ModelParametersProbe>)ReferenceLibrary.Llama("llama_model_default_params"))().Value;
        byte[] text = [.. Encoding.UTF8.GetBytes(path), 0];
        fixed (byte* first = text)
        {
            nint model = ((delegate* unmanaged[Cdecl]<byte*, ModelParameters, nint>)ReferenceLibrary.Llama("llama_model_load_from_file"))(first, parameters);
            if (model == 0)
                return false;
            ((delegate* unmanaged[Cdecl]<nint, void>)ReferenceLibrary.Llama("llama_model_free"))(model);
            return true;
        }
    }

    private static bool Prepare()
    {
        ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<byte*, void>, nint>)ReferenceLibrary.Base("ggml_set_abort_callback"))(&OnAbort);
        ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<int, byte*, nint, void>, nint, void>)ReferenceLibrary.Llama("llama_log_set"))(&OnLog, 0);
        ReferenceLibrary.StartBackends();
        return true;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnAbort(byte* message)
    {
        if (s_running.TryGetValue(Environment.CurrentManagedThreadId, out TaskCompletionSource<string?>? result))
            result.TrySetResult(Marshal.PtrToStringUTF8((nint)message) ?? "aborted");
        Thread.Sleep(Timeout.Infinite);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnLog(int level, byte* text, nint state)
    {
        const int Error = 4;
        if (level == Error)
            s_errors?.Append(Marshal.PtrToStringUTF8((nint)text));
    }
}
