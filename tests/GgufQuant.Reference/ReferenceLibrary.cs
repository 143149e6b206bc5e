using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace GgufQuant.Reference;

/// <summary>The build of llama.cpp that this process compares with, loaded.</summary>
/// <remarks>
/// A process has one: on Linux both builds name a library <c>libggml-base.so</c>, and the loader resolves the second libllama's
/// dependency by that name to the copy that it has loaded already.
/// </remarks>
public static unsafe class ReferenceLibrary
{
    /// <summary>The environment variable that chooses: <c>npm</c> or <c>NuGet</c>. Without it, npm's build where it is present.</summary>
    public const string Variable = "GGUFQUANT_REFERENCE";

    private static readonly Lazy<ReferenceBuild> s_build = new(Choose);
    private static readonly Lazy<(Handles? Handles, string? Missing)> s_loaded = new(Load);
    private static readonly Lazy<bool> s_started = new(Start);

    /// <summary>The build.</summary>
    public static ReferenceBuild Build => s_build.Value;

    /// <summary>Why the build cannot be used here; null if it can.</summary>
    public static string? Missing => s_loaded.Value.Missing;

    /// <summary>The folder this repository is checked out in.</summary>
    public static string RepositoryRoot { get; } = Metadata("RepositoryRoot");

    /// <summary>A function of libggml-base.</summary>
    public static nint Base(string name) => NativeLibrary.GetExport(Available.Base, name);

    /// <summary>A function of libllama.</summary>
    public static nint Llama(string name) => NativeLibrary.GetExport(Available.Llama, name);

    /// <summary>Prepares libllama for loading models, once per process. npm's build has its processor backends in separate files.</summary>
    internal static void StartBackends() => _ = s_started.Value;

    internal static string Metadata(string key) => typeof(ReferenceLibrary).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == key).Value!;

    private static Handles Available => s_loaded.Value.Handles ?? throw new InvalidOperationException(Missing);

    private static ReferenceBuild Choose() => Environment.GetEnvironmentVariable(Variable) switch
    {
        null or "" => ReferenceBuild.Npm.IsPresent ? ReferenceBuild.Npm : ReferenceBuild.NuGet,
        "npm" => ReferenceBuild.Npm,
        "NuGet" => ReferenceBuild.NuGet,
        string other => throw new InvalidOperationException($"{Variable} is '{other}': it may be 'npm' or 'NuGet'."),
    };

    private static bool Start()
    {
        if (Build == ReferenceBuild.Npm)
        {
            fixed (byte* folder = Encoding.UTF8.GetBytes(Build.Folder + '\0'))
                ((delegate* unmanaged<byte*, void>)Llama("ggml_backend_load_all_from_path"))(folder);
        }
        ((delegate* unmanaged<void>)Llama("llama_backend_init"))();
        return true;
    }

    private static (Handles? Handles, string? Missing) Load()
    {
        if (Build.UnavailableReason is { } reason)
            return (null, reason);
        try
        {
            nint[] handles = [.. Build.Libraries.Select(library => NativeLibrary.Load(Path.Combine(Build.Folder, library)))];
            Handles loaded = new(handles[0], handles[^1]);
            string? version = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint>)NativeLibrary.GetExport(loaded.Base, "ggml_version"))());
            return version == Build.GgmlVersion
                ? (loaded, null)
                : throw new InvalidOperationException($"The libraries in '{Build.Folder}' are of ggml {version}, where {Build.Name} has {Build.GgmlVersion}.");
        }
        catch (DllNotFoundException exception)
        {
            return (null, $"{Build.Name} cannot be loaded: {exception.Message}");
        }
    }

    private sealed record Handles(nint Base, nint Llama);
}
