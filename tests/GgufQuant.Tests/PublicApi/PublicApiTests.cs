using System.Reflection;

namespace GgufQuant.Tests.PublicApi;

/// <summary>A change of the public API shows in the diff of a file beside this one, which <c>GGUFQUANT_UPDATE_GOLDEN=1</c> renews.</summary>
public sealed class PublicApiTests
{
    [Theory]
    [InlineData("GgufQuant")]
    [InlineData("GgufQuant.Gpu")]
    [InlineData("GgufQuant.Evaluation")]
    public void The_public_API_is_the_recorded_one(string library)
    {
        string path = Repository.PathOf("tests", "GgufQuant.Tests", "PublicApi", library + ".txt");
        string api = ApiText.Describe(Assembly.Load(library));
        if (Golden.IsUpdated)
            File.WriteAllText(path, api);
        Assert.Equal(File.ReadAllText(path).ReplaceLineEndings("\n"), api);
    }
}
