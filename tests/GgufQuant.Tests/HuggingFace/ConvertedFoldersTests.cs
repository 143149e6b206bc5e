using System.Security.Cryptography;
using GgufQuant.HuggingFace;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>Folders of many classes become the files that llama.cpp's converter makes of them, to the last byte.</summary>
public sealed class ConvertedFoldersTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Results =>
        [.. ConvertedFolder.Names.SelectMany(name => new ConvertedFolder(name).Results.Select(result => (name, result.Type)))];

    public static TheoryData<string, string> Filled =>
        [.. ConvertedFolder.Names.SelectMany(name => new ConvertedFolder(name).Filled.Select(result => (name, result.Absent)))];

    [Theory]
    [MemberData(nameof(Results))]
    public void A_file_is_the_one_the_converter_writes(string name, string type)
    {
        ConvertedFolder folder = new(name);
        string expected = folder.Results.First(result => result.Type == type).Hash;
        Assert.Equal(expected, HashOf(folder.WriteTo(_folder.Path), folder.Options(type, usesDefaults: false)));
    }

    [Theory]
    [MemberData(nameof(Filled))]
    public void What_configurations_lack_is_filled_in_as_transformers_does(string name, string absent)
    {
        ConvertedFolder folder = new(name);
        string expected = folder.Filled.First(result => result.Absent == absent).Hash;
        Assert.Equal(expected, HashOf(folder.WriteTo(_folder.Path, absent), folder.Options("auto", usesDefaults: true)));
    }

    public void Dispose() => _folder.Dispose();

    private string HashOf(string folder, ConversionOptions options)
    {
        using HuggingFaceModel model = HuggingFaceModel.Open(folder, options);
        string destination = _folder.File("model.gguf");
        model.Write(destination, token: TestContext.Current.CancellationToken);
        return Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(destination)));
    }
}
