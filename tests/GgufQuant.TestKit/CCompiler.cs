using System.ComponentModel;
using System.Diagnostics;

namespace GgufQuant.TestKit;

/// <summary>This machine's C compiler, for libraries that stand in for others.</summary>
public static class CCompiler
{
    private static readonly Lazy<string?> s_name = new(() => ((string[])["clang", "gcc", "cc"]).FirstOrDefault(name => Run(name, "--version") == 0));

    /// <summary>Why there is none, and what to install; null if there is one.</summary>
    public static string? Missing => s_name.Value is null ? "There is no C compiler: install clang." : null;

    /// <summary>Compiles with the processor's plain arithmetic; skips the test where there is no compiler.</summary>
    public static void Compile(params string[] arguments)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        Assert.Equal(0, Run(s_name.Value!, ["-fPIC", "-O1", "-ffp-contract=off", "-fno-strict-aliasing", "-w", .. arguments]));
    }

    /// <summary>Compiles a library.</summary>
    public static void CompileLibrary(string path, params string[] arguments) => Compile(["-shared", "-o", path, .. arguments]);

    private static int? Run(string name, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardOutput = arguments is ["--version"] })!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
