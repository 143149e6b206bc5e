using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace GgufQuant.Tests.IO.Faults;

/// <summary>Runs tests on a failing disk: in a separate process, whose writes and flushes a library intercepts.</summary>
internal static class FaultyDisk
{
    private static readonly string[] s_compilers = ["clang", "gcc", "cc"];

    /// <summary>Asserts that the tests of a class that are named so pass on the faulty disk.</summary>
    /// <param name="tests">The class.</param>
    /// <param name="method">The test, which is explicit.</param>
    /// <param name="faults">The variables of <c>faulty-disk.c</c>.</param>
    public static async Task AssertPassAsync(Type tests, string method, params (string Variable, int Value)[] faults)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Faults are injected on Linux alone.");
        string folder = Directory.CreateTempSubdirectory("GgufQuant.Tests.").FullName;
        try
        {
            string library = Path.Combine(folder, "faulty-disk.so");
            Assert.SkipUnless(Compile(library), "There is no C compiler.");
            Dictionary<string, string?> environment = faults.ToDictionary(fault => fault.Variable, fault => (string?)$"{fault.Value}");
            environment["LD_PRELOAD"] = library;
            await ChildTests.AssertPassAsync(environment, ["-method", $"{tests.FullName}.{method}", "-explicit", "only"]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool Compile(string library)
    {
        string source = Path.Combine(Path.GetDirectoryName(Here())!, "faulty-disk.c");
        foreach (string compiler in s_compilers)
        {
            try
            {
                using Process process = Process.Start(compiler, ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"]);
                process.WaitForExit();
                Assert.Equal(0, process.ExitCode);
                return true;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Not this one.
            }
        }
        return false;
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
