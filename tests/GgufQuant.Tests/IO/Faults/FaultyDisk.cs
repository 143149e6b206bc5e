namespace GgufQuant.Tests.IO.Faults;

/// <summary>Runs tests on a failing disk: in a separate process, whose writes and flushes a library intercepts.</summary>
internal static class FaultyDisk
{
    /// <summary>Asserts that the tests of a class that are named so pass on the faulty disk.</summary>
    /// <param name="tests">The class.</param>
    /// <param name="method">The test, which is explicit.</param>
    /// <param name="faults">The variables of <c>faulty-disk.c</c>.</param>
    public static async Task AssertPassAsync(Type tests, string method, params (string Variable, int Value)[] faults)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Faults are injected on Linux alone.");
        using TemporaryFolder folder = new();
        string library = folder.File("faulty-disk.so");
        CCompiler.CompileLibrary(library, Repository.PathOf("tests", "GgufQuant.Tests", "IO", "Faults", "faulty-disk.c"), "-ldl");
        Dictionary<string, string?> environment = faults.ToDictionary(fault => fault.Variable, fault => (string?)$"{fault.Value}");
        environment["LD_PRELOAD"] = library;
        await ChildTests.AssertPassAsync(environment, ["-method", $"{tests.FullName}.{method}", "-explicit", "only"]);
    }
}
