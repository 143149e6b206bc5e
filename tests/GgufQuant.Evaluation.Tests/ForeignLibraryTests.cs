using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Tests.Hosting;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The module's engine beside a libllama of another version.</summary>
public sealed class ForeignLibraryTests
{
    // The real structures are smaller than this one; whoever calls leaves room for it.
    private const int Room = 512;

    private static readonly string[] s_functions =
    [
        "llama_model_load_from_file", "llama_init_from_model", "llama_free", "llama_model_free", "llama_model_size",
        "llama_model_get_vocab", "llama_vocab_get_text", "llama_detokenize", "llama_log_set",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(AlteredLlama.Model, 24)]
    [InlineData(AlteredLlama.Context, 0)]
    [InlineData(AlteredLlama.Context, 4)]
    public void Defaults_that_differ_are_noticed_before_anything_is_called(string function, int offset)
    {
        using TemporaryFolder folder = new();
        Write(folder, s_functions, function, offset);

        EngineVersionException exception = Assert.Throws<EngineVersionException>(() => Start(folder));

        Assert.Equal($"The libraries in '{folder.Path}' are not those of {EngineVersion.Text}: '{function}' does not behave as expected.", exception.Message);
    }

    [Fact]
    public void A_missing_function_is_noticed()
    {
        using TemporaryFolder folder = new();
        Write(folder, s_functions.Where(name => name != "llama_detokenize"));

        EngineVersionException exception = Assert.Throws<EngineVersionException>(() => Start(folder));

        Assert.Contains("llama_detokenize", exception.Message, StringComparison.Ordinal);
    }

    // That the folder and the compiled library are not what the others fail for.
    [Fact]
    public void The_real_libraries_start_from_such_a_folder()
    {
        using TemporaryFolder folder = new();
        AlteredLlama.Link(folder, SampleEngine.Location.NativesFolder, "libggml*.so*");
        AlteredLlama.Link(folder, SampleEngine.Location.NativesFolder, "libllama.so");

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

    private static string Start(TemporaryFolder folder)
    {
        using RemoteEngine engine = new(FaultyHost.Command(), SampleEngine.Location with { NativesFolder = folder.Path });
        return engine.Start(Token);
    }

    private static void Write(TemporaryFolder folder, IEnumerable<string> functions, string altered = "", int offset = 0) => AlteredLlama.Write(
        folder, Path.Combine(SampleEngine.Location.NativesFolder, "libllama.so"), functions, (Room, Room), altered, offset);
}
