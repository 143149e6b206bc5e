using System.Runtime.InteropServices;
using GgufQuant.Reference;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The sample model in other types, made by <c>llama_model_quantize</c> and deleted with the process.</summary>
internal static unsafe class QuantizedSamples
{
    private static readonly TemporaryFolder s_folder = new();
    private static readonly Dictionary<string, int> s_fileTypes = new()
    {
        ["Q4_0"] = 2,
        ["Q8_0"] = 7,
        ["Q2_K"] = 10,
        ["Q3_K_M"] = 12,
        ["Q4_K_M"] = 15,
        ["Q5_K_M"] = 17,
        ["Q6_K"] = 18,
    };

    static QuantizedSamples() => AppDomain.CurrentDomain.ProcessExit += (_, _) => s_folder.Dispose();

    public static string Get(string type)
    {
        Sample.StartEngine();
        lock (s_folder)
        {
            string path = s_folder.File(type + ".gguf");
            if (!File.Exists(path))
                Quantize(path, s_fileTypes[type]);
            return path;
        }
    }

    private static void Quantize(string path, int fileType)
    {
        Parameters parameters = ((delegate* unmanaged<Parameters>)ReferenceLibrary.Llama("llama_model_quantize_default_params"))();
        parameters.FileType = fileType;
        nint source = Marshal.StringToCoTaskMemUTF8(Sample.Model);
        nint destination = Marshal.StringToCoTaskMemUTF8(path);
        var quantize = (delegate* unmanaged<nint, nint, Parameters*, uint>)ReferenceLibrary.Llama("llama_model_quantize");
        uint result = quantize(source, destination, &parameters);
        Marshal.FreeCoTaskMem(source);
        Marshal.FreeCoTaskMem(destination);
        Assert.Equal(0u, result);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Parameters
    {
        public int Threads;
        public int FileType;
        public int OutputType;
        public int EmbeddingType;
        public fixed byte Flags[6];
        public fixed long Pointers[4];
        public nuint MaximumBuffer;
    }
}
