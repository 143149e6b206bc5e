namespace GgufQuant.Cmdlets.Tests;

/// <summary>Texts as they must look, one file each under Golden.</summary>
/// <remarks>With <c>GGUFQUANT_UPDATE_GOLDEN=1</c> the files are written anew, to be read before they are committed.</remarks>
internal static class Golden
{
    internal static void Verify(string name, string actual)
    {
        string path = Path.Combine(RepositoryPaths.Root, "tests", "GgufQuant.Cmdlets.Tests", "Golden", name + ".txt");
        if (Environment.GetEnvironmentVariable("GGUFQUANT_UPDATE_GOLDEN") == "1")
            File.WriteAllText(path, actual + "\n");
        Assert.Equal(File.ReadAllText(path).TrimEnd('\n'), actual, ignoreLineEndingDifferences: true);
    }
}
