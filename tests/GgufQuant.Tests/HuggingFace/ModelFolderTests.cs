using System.Diagnostics;
using System.Text.Json;
using GgufQuant.HuggingFace;
using GgufQuant.Tests.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace;

public sealed class ModelFolderTests
{
    private const string Config = """{"architectures": ["LlamaForCausalLM"], "vocab_size": 8}""";

    [Fact]
    public void Numbers_that_only_Python_writes_are_read()
    {
        using TemporaryModel model = new();
        model.Write("config.json", """{"architectures": ["NaNForCausalLM"], "a": NaN, "b": Infinity, "c": -Infinity, "d": "NaN \" Infinity"}""");
        using ModelFolder folder = model.Open();
        Assert.Equal("NaNForCausalLM", folder.Config.Architecture);
        Assert.Null(folder.Config.Find("a"));
        Assert.Equal(double.PositiveInfinity, folder.Config.FindDouble("b"));
        Assert.Equal(double.NegativeInfinity, folder.Config.FindDouble("c"));
        Assert.Equal("NaN \" Infinity", folder.Config.FindString("d"));
    }

    [Theory]
    [InlineData("""{"architectures": ["A"], }""", "line 1 at byte")]
    [InlineData("""{"architectures": ["A"], "x": "\ud83d"}""", "not valid Unicode")]
    [InlineData("""{"architectures": []}""", "does not name the model's class")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a Git LFS pointer")]
    public void What_is_wrong_with_a_configuration_is_said(string config, string problem)
    {
        using TemporaryModel model = new();
        model.Write("config.json", config);
        Assert.Contains(problem, Assert.Throws<ModelFolderException>(model.Open).Message);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_found_when_the_file_is_read()
    {
        using TemporaryModel model = new();
        model.Write("config.json", [.. "{\"architectures\": [\"A"u8, 0xFF, .. "\"]}"u8]);
        Assert.Contains("not valid Unicode", Assert.Throws<ModelFolderException>(model.Open).Message);
    }

    [Fact]
    public void A_pipe_in_place_of_a_file_is_not_waited_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The kind of a file is known on Linux alone.");
        using TemporaryModel model = new();
        model.Write("config.json", Config);
        using (Process make = Process.Start("mkfifo", [model.PathOf("tokenizer.json")]))
            make.WaitForExit();
        using ModelFolder folder = model.Open();
        Assert.Contains("a pipe or a device", Assert.Throws<IOException>(() => folder.ReadJson("tokenizer.json")).Message);
    }

    [Fact]
    public void More_values_than_fit_into_the_memory_are_an_error()
    {
        using TemporaryModel model = new();
        model.Write("config.json", Config);
        using ModelFolder folder = model.Open();
        foreach (string value in (string[])["0", "NaN"])
        {
            model.Write("tokenizer.json", $"[{string.Join(',', Enumerable.Repeat(value, (1 << 23) + 1))}]");
            Assert.Contains("more than 8,388,608 values", Assert.Throws<ModelFolderException>(() => folder.ReadJson("tokenizer.json")).Message);
        }
    }

    [Fact]
    public void A_file_of_gigabytes_is_not_read()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems may fill the file.");
        using TemporaryModel model = new();
        model.Write("config.json", Config);
        using (FileStream file = File.Create(model.PathOf("tokenizer.json")))
            file.SetLength(1L << 32);
        using ModelFolder folder = model.Open();
        Assert.EndsWith("has 4,294,967,296 bytes, but the limit is 134,217,728.", Assert.Throws<IOException>(() => folder.ReadJson("tokenizer.json")).Message);
    }

    [Fact]
    public void An_adapter_is_not_a_model()
    {
        using TemporaryModel model = new();
        model.Write("adapter_config.json", "{}");
        Assert.Contains("an adapter (LoRA)", Assert.Throws<ModelFolderException>(model.Open).Message);
    }

    [Fact]
    public void The_language_part_of_a_model_is_laid_over_the_root()
    {
        using TemporaryModel model = new();
        model.Write("config.json", """{"architectures": ["A"], "x": 1, "y": 2, "text_config": {"architectures": ["B"], "x": 3}}""");
        using ModelFolder folder = model.Open();
        Assert.Equal(("B", 3, 2), (folder.Config.Architecture, folder.Config.FindInt64("x"), folder.Config.FindInt64("y")));
        Assert.Equal(JsonValueKind.Object, folder.Config.Root.ValueKind);
    }
}
