using System.Diagnostics;
using System.Runtime.InteropServices;

namespace GgufQuant.FaultyEngine;

/// <summary>What goes wrong with a model, by its file's name: a fault and where, as in <c>hang-load.gguf</c>.</summary>
internal static partial class Fault
{
    /// <summary>Causes the fault that the file name asks for at this stage.</summary>
    public static void At(string stage, string path, Action? heartbeat = null)
    {
        string[] words = Path.GetFileNameWithoutExtension(path).Split('-');
        if (words.Length < 2 || words[1] != stage)
            return;
        switch (words[0])
        {
            case "hang":
                Thread.Sleep(Timeout.Infinite);
                break;
            case "abort":
                Console.Error.WriteLine("faulty.cpp:42: GGML_ASSERT(n_tokens > 0) failed");
                Abort();
                break;
            case "kill":
                Process.GetCurrentProcess().Kill();
                break;
            case "slow":
                for (int step = 0; step < 25; step++)
                {
                    Thread.Sleep(200);
                    heartbeat?.Invoke();
                }
                break;
        }
    }

    private static void Abort()
    {
        if (OperatingSystem.IsWindows())
            Environment.FailFast("Aborted.");
        NativeAbort();
    }

    [LibraryImport("libc", EntryPoint = "abort")]
    private static partial void NativeAbort();
}
