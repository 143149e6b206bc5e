namespace GgufQuant.TestKit;

/// <summary>A folder of llama.cpp's libraries in which libllama is another: compiled here, it passes on the real one's defaults, altered.</summary>
public static class AlteredLlama
{
    /// <summary>The function that returns a model's defaults.</summary>
    public const string Model = "llama_model_default_params";

    /// <summary>The function that returns a context's defaults.</summary>
    public const string Context = "llama_context_default_params";

    /// <summary>Links libraries into a folder; skips the test where links need privileges.</summary>
    public static void Link(TemporaryFolder folder, string natives, string pattern)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The libraries are put together with links here.");
        foreach (string file in Directory.EnumerateFiles(natives, pattern))
            File.CreateSymbolicLink(folder.File(Path.GetFileName(file)), file);
    }

    /// <summary>Fills a folder; skips the test where there is no compiler.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="real">The real libllama, in the folder of ggml's libraries.</param>
    /// <param name="functions">What the library has besides the functions of defaults, to be found rather than called.</param>
    /// <param name="sizes">How many bytes the defaults of models and of contexts have.</param>
    /// <param name="altered">The function whose defaults are altered; any other text for none.</param>
    /// <param name="offset">The byte of its structure to alter.</param>
    public static void Write(
        TemporaryFolder folder, string real, IEnumerable<string> functions, (int Model, int Context) sizes, string altered, int offset)
    {
        Link(folder, Path.GetDirectoryName(real)!, "libggml*.so*");
        string source = folder.File("llama.c");
        File.WriteAllLines(
            source,
            ["#include <dlfcn.h>", .. functions.Select(name => $"void {name}(void) {{}}"), Defaults(Model, sizes.Model), Defaults(Context, sizes.Context)]);
        CCompiler.CompileLibrary(folder.File(Path.GetFileName(real)), source, "-ldl");

        string Defaults(string name, int size) => $$"""
            typedef struct { unsigned char bytes[{{size}}]; } {{name}}_t;
            {{name}}_t {{name}}(void)
            {
                void * real = dlopen("{{real}}", RTLD_LAZY);
                {{name}}_t parameters = (({{name}}_t (*)(void)) dlsym(real, "{{name}}"))();
                if ({{(name == altered ? 1 : 0)}}) parameters.bytes[{{offset}}] ^= 2;
                return parameters;
            }
            """;
    }
}
