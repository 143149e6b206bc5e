using GgufQuant.HuggingFace;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>Folders become the files that llama.cpp's converter makes of them, to the last byte.</summary>
public sealed class GoldenFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Results
    {
        get
        {
            TheoryData<string, string> results = [];
            foreach (string name in GoldenCase.Names)
            {
                foreach (string label in new GoldenCase(name).Labels)
                    results.Add(name, label);
            }
            return results;
        }
    }

    public static TheoryData<string> Cases => [.. GoldenCase.Names];

    [Theory]
    [MemberData(nameof(Results))]
    public void A_file_is_the_one_the_converter_writes(string name, string label)
    {
        GoldenCase golden = new(name);
        (ConversionOptions options, var split) = golden.OptionsOf(label);
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), options);
        string destination = _folder.File($"{label}.gguf");

        model.Write(destination, model.LayOut(split), token: TestContext.Current.CancellationToken);

        foreach (string path in model.LayOut(split).PathsAt(destination))
            AssertSame(golden.Expected(Path.GetFileNameWithoutExtension(path)), GoldenCase.Describe(path));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_default_name_is_the_converters(string name)
    {
        GoldenCase golden = new(name);
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), golden.OptionsOf(golden.Labels.First()).Options);
        Assert.Equal(golden.DefaultName, model.DefaultName);
    }

    public void Dispose() => _folder.Dispose();

    // The keys and tensors first: they say where files differ.
    private static void AssertSame(string[] expected, string[] actual)
    {
        for (int i = 1; i < Math.Max(expected.Length, actual.Length); i++)
            Assert.Equal(expected.ElementAtOrDefault(i), actual.ElementAtOrDefault(i));
        Assert.Equal(expected[0], actual[0]);
    }
}
