using GgufQuant.Hub;

namespace GgufQuant.Tests.Hub;

public sealed class HubTokenTests : IDisposable
{
    private readonly TemporaryFolder _home = new();
    private readonly Dictionary<string, string> _variables = [];

    public void Dispose() => _home.Dispose();

    [Fact]
    public void Without_variables_and_files_there_is_none()
    {
        Assert.Null(Find());
        Assert.Null(HubOptions.FromEnvironment(_variables.GetValueOrDefault, _home.Path).Token);
    }

    [Theory]
    [InlineData("HF_TOKEN_PATH", "some.txt", "some.txt")]
    [InlineData("HF_TOKEN_PATH", "~/some.txt", "some.txt")]
    [InlineData("HF_HOME", "hf", "hf/token")]
    [InlineData("HF_HOME", "~/hf", "hf/token")]
    [InlineData("XDG_CACHE_HOME", "xdg", "xdg/huggingface/token")]
    [InlineData("XDG_CACHE_HOME", "", ".cache/huggingface/token")]
    public void It_is_in_the_file_that_huggingface_hub_reads(string variable, string value, string file)
    {
        _variables[variable] = value.Length == 0 || value[0] == '~' ? value : Path.Combine(_home.Path, value);
        string path = Write(file, " hf_stored\r\n");

        HubToken token = Find()!;

        Assert.Equal("hf_stored", token.Value);
        Assert.Equal(Path.GetFullPath(path), Path.GetFullPath(token.Source.Trim('\'')));
        Assert.DoesNotContain("hf_stored", $"{token}", StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_more_specific_comes_first()
    {
        Write(".cache/huggingface/token", "hf_default");
        Assert.Equal("hf_default", Find()!.Value);
        Write("hf/token", "hf_home");
        _variables["HF_HOME"] = Path.Combine(_home.Path, "hf");
        Assert.Equal("hf_home", Find()!.Value);
        _variables["HF_TOKEN_PATH"] = Write("path", "hf_path");
        Assert.Equal("hf_path", Find()!.Value);
        _variables["HF_TOKEN"] = " ";
        Assert.Equal("hf_path", Find()!.Value);
        _variables["HF_TOKEN"] = "hf_variable";
        Assert.Equal(new("hf_variable", "HF_TOKEN"), Find());
    }

    [Fact]
    public void An_empty_file_has_none()
    {
        Write(".cache/huggingface/token", "\n");
        Assert.Null(Find());
    }

    [Theory]
    [InlineData("1")]
    [InlineData("true")]
    public void It_is_not_used_where_that_is_switched_off(string value)
    {
        _variables["HF_TOKEN"] = "hf_variable";
        _variables["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = value;
        Assert.Null(Find());
    }

    [Theory]
    [InlineData("hf_a hf_b")]
    [InlineData("hf_a\r\nX-Header: b")]
    [InlineData("hf_\u00e4")]
    public void What_is_no_token_is_an_error_without_it(string content)
    {
        Write(".cache/huggingface/token", content);
        string message = Assert.Throws<ServerException>(Find).Message;
        Assert.Contains("is not a token", message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_longer_than_any_token_is_not_read()
    {
        Write(".cache/huggingface/token", new('x', 4097));
        Assert.Contains("4,097 bytes", Assert.Throws<ServerException>(Find).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_in_its_place_is_an_error()
    {
        Directory.CreateDirectory(Path.Combine(_home.Path, ".cache/huggingface/token"));
        Assert.Contains("is a folder", Assert.Throws<ServerException>(Find).Message, StringComparison.Ordinal);
    }

    private HubToken? Find() => HubToken.Find(_variables.GetValueOrDefault, _home.Path);

    private string Write(string file, string content)
    {
        string path = Path.Combine(_home.Path, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }
}
