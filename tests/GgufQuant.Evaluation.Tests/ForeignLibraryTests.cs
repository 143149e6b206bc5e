using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Tests.Hosting;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The module's engine beside a libllama of another version: compiled here, it passes on the real one's defaults, altered.</summary>
public sealed class ForeignLibraryTests
{
    private const string Model = "llama_model_default_params";
    private const string Context = "llama_context_default_params";

    private static readonly string[] s_functions =
        ["llama_model_load_from_file", "llama_model_get_vocab", "llama_vocab_get_text", "llama_detokenize", "llama_log_set"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Model, 24)]
    [InlineData(Context, 0)]
    [InlineData(Context, 4)]
    public void Defaults_that_differ_are_noticed_before_anything_is_called(string function, int offset)
    {
        using TemporaryFolder folder = new();
        Compile(folder, function, offset);

        EngineVersionException exception = Assert.Throws<EngineVersionException>(() => Start(folder));

        Assert.Equal($"The libraries in '{FolderOf(folder)}' are not those of {EngineVersion.Text}: '{function}' does not behave as expected.", exception.Message);
    }

    [Fact]
    public void A_missing_function_is_noticed()
    {
        using TemporaryFolder folder = new();
        Compile(folder, "", -1, leftOut: "llama_detokenize");

        EngineVersionException exception = Assert.Throws<EngineVersionException>(() => Start(folder));

        Assert.Contains("llama_detokenize", exception.Message, StringComparison.Ordinal);
    }

    // That the folder and the compiled library are not what the others fail for.
    [Fact]
    public void The_real_libraries_start_from_such_a_folder()
    {
        using TemporaryFolder folder = new();
        Link(folder, "libllama.so");

        Assert.Equal(EngineVersion.Text, Start(folder));
    }

    // ggml's commit is the one the structures were read from; the builds for musl do not say theirs.
    [Fact]
    public unsafe void The_packaged_library_is_of_the_commit_that_messages_name()
    {
        nint library = NativeLibrary.Load(Path.Combine(SampleEngine.Location.NativesFolder, NativePlatform.LibraryFile("ggml-base")));
        string? commit = Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<nint>)NativeLibrary.GetExport(library, "ggml_commit"))());

        Assert.SkipWhen(commit == "unknown", "This build of ggml does not say its commit.");
        Assert.Equal(EngineVersion.LlamaCppCommit, commit);
    }

    private static string FolderOf(TemporaryFolder folder) => Path.GetDirectoryName(folder.File("any"))!;

    private static string Start(TemporaryFolder folder)
    {
        using RemoteEngine engine = new(FaultyHost.Command(), SampleEngine.Location with { NativesFolder = FolderOf(folder) });
        return engine.Start(Token);
    }

    private static void Link(TemporaryFolder folder, string libllama)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The libraries are put together with links here.");
        foreach (string file in Directory.EnumerateFiles(SampleEngine.Location.NativesFolder, "*.so*"))
        {
            string name = Path.GetFileName(file);
            if (name.StartsWith("libggml", StringComparison.Ordinal) || name == libllama)
                File.CreateSymbolicLink(folder.File(name), file);
        }
    }

    private static void Compile(TemporaryFolder folder, string function, int offset, string? leftOut = null)
    {
        Link(folder, libllama: "");
        File.WriteAllText(folder.File("llama.c"), Source(function, offset, leftOut));
        try
        {
            using Process compiler = Process.Start("clang", ["-shared", "-fPIC", "-w", "-o", folder.File("libllama.so"), folder.File("llama.c"), "-ldl"]);
            compiler.WaitForExit();
            Assert.Equal(0, compiler.ExitCode);
        }
        catch (Win32Exception)
        {
            Assert.Skip("clang, which compiles the foreign library, is not installed.");
        }
    }

    private static string Source(string function, int offset, string? leftOut)
    {
        IEnumerable<string> others = s_functions.Where(name => name != leftOut).Select(name => $"void {name}(void) {{}}\n");
        return $$"""
            #include <dlfcn.h>
            {{string.Concat(others)}}
            {{Defaults(Model, function == Model ? offset : -1)}}
            {{Defaults(Context, function == Context ? offset : -1)}}
            """;
    }

    // The real structures are smaller than this one; whoever calls leaves room for it.
    private static string Defaults(string name, int offset) => $$"""
        typedef struct { unsigned char bytes[512]; } {{name}}_t;
        {{name}}_t {{name}}(void)
        {
            void * real = dlopen("{{Path.Combine(SampleEngine.Location.NativesFolder, "libllama.so")}}", RTLD_LAZY);
            {{name}}_t parameters = (({{name}}_t (*)(void)) dlsym(real, "{{name}}"))();
            if ({{offset}} >= 0) parameters.bytes[{{offset}}] ^= 2;
            return parameters;
        }
        """;
}
