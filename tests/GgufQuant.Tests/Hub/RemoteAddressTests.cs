using GgufQuant.Hub;

namespace GgufQuant.Tests.Hub;

/// <summary>Addresses of remote files, as people write and copy them.</summary>
public sealed class RemoteAddressTests
{
    private static readonly HubOptions s_hub = new();
    private static readonly HubOptions s_mirror = new() { Endpoint = new("https://mirror.example/hf/") };

    [Theory]
    [InlineData("hf://o/r/a.gguf", "hf://o/r/a.gguf", "https://huggingface.co/o/r/resolve/main/a.gguf")]
    [InlineData("HF://o/r/d/a b#1.gguf", "hf://o/r/d/a b#1.gguf", "https://huggingface.co/o/r/resolve/main/d/a%20b%231.gguf")]
    [InlineData("hf://o/r@main/a.gguf", "hf://o/r/a.gguf", "https://huggingface.co/o/r/resolve/main/a.gguf")]
    [InlineData("hf://o/r@v1.0/a.gguf", "hf://o/r@v1.0/a.gguf", "https://huggingface.co/o/r/resolve/v1.0/a.gguf")]
    [InlineData("hf://o/r@refs/pr/10/a.gguf", "hf://o/r@refs/pr/10/a.gguf", "https://huggingface.co/o/r/resolve/refs%2Fpr%2F10/a.gguf")]
    [InlineData("hf://o/r@feature%2Fx/a.gguf", "hf://o/r@feature%2Fx/a.gguf", "https://huggingface.co/o/r/resolve/feature%2Fx/a.gguf")]
    [InlineData("hf://models/o/r/a.gguf", "hf://o/r/a.gguf", "https://huggingface.co/o/r/resolve/main/a.gguf")]
    [InlineData("https://huggingface.co/o/r/blob/main/a%20b.gguf", "hf://o/r/a b.gguf", "https://huggingface.co/o/r/resolve/main/a%20b.gguf")]
    [InlineData("https://huggingface.co/o/r/resolve/main/a.gguf?download=true", "hf://o/r/a.gguf", "https://huggingface.co/o/r/resolve/main/a.gguf")]
    [InlineData("https://hf.co/o/r/raw/refs%2Fpr%2F1/a.gguf#L1", "hf://o/r@refs/pr/1/a.gguf", "https://huggingface.co/o/r/resolve/refs%2Fpr%2F1/a.gguf")]
    [InlineData("https://example.org/d/a.gguf?key=1", "https://example.org/d/a.gguf?key=1", "https://example.org/d/a.gguf?key=1")]
    [InlineData("HTTP://Example.org/a%20b.gguf#part", "http://example.org/a%20b.gguf", "http://example.org/a%20b.gguf")]
    [InlineData("https://huggingface.co/datasets/o/r/resolve/main/a.gguf", "https://huggingface.co/datasets/o/r/resolve/main/a.gguf", "https://huggingface.co/datasets/o/r/resolve/main/a.gguf")]
    public void An_address_names_a_file(string text, string canonical, string url)
    {
        RemoteAddress address = RemoteAddress.Parse(text, s_hub);
        Assert.True(RemoteAddress.IsAddress(text));
        Assert.Equal(canonical, address.ToString());
        Assert.Equal(url, address.UrlOn(s_hub).AbsoluteUri);
        Assert.Equal(canonical, RemoteAddress.Parse(canonical, s_hub).ToString());
    }

    [Theory]
    [InlineData("hf://o/r/a.gguf")]
    [InlineData("https://huggingface.co/o/r/blob/main/a.gguf")]
    [InlineData("https://mirror.example/hf/o/r/blob/main/a.gguf")]
    public void Files_of_the_hub_are_read_from_its_endpoint(string text)
    {
        RemoteAddress address = RemoteAddress.Parse(text, s_mirror);
        Assert.Equal("hf://o/r/a.gguf", address.ToString());
        Assert.Equal("https://mirror.example/hf/o/r/resolve/main/a.gguf", address.UrlOn(s_mirror).AbsoluteUri);
    }

    [Theory]
    [InlineData("https://mirror.example/o/r/blob/main/a.gguf")]
    [InlineData("http://huggingface.co/o/r/blob/main/a.gguf")]
    [InlineData("https://huggingface.co:444/o/r/blob/main/a.gguf")]
    [InlineData("https://huggingface.co.example/o/r/blob/main/a.gguf")]
    public void Pages_of_other_servers_are_not_the_hubs(string text) => Assert.False(RemoteAddress.Parse(text, s_mirror).IsOnHub);

    [Theory]
    [InlineData("hf://o")]
    [InlineData("hf://")]
    [InlineData("hf://o/r@/a.gguf")]
    [InlineData("hf://o/../a.gguf")]
    [InlineData("hf://../r/a.gguf")]
    [InlineData("hf://o/r/../../../api/whoami")]
    [InlineData("hf://o/r/d//a.gguf")]
    [InlineData("hf://o/r/d\\a.gguf")]
    [InlineData("hf://o/r@..%2F..%2Fx/a.gguf")]
    [InlineData("hf://o/r/a\u001b[31m.gguf")]
    [InlineData("hf://o/r/a\u202efugg.gguf")]
    [InlineData("hf://datasets/o/r/a.gguf")]
    [InlineData("https://huggingface.co/o/r/blob/main/%2e%2e%2fa.gguf")]
    [InlineData("https://huggingface.co/o/r/blob/main/a%1b.gguf")]
    [InlineData("https://")]
    [InlineData("https://user:secret@example.org/a.gguf")]
    public void A_malformed_address_is_an_error_that_a_terminal_can_show(string text)
    {
        FormatException exception = Assert.Throws<FormatException>(() => RemoteAddress.Parse(text, s_hub));
        Assert.DoesNotContain(exception.Message, character => char.IsControl(character) || character == '\u202e');
        Assert.DoesNotContain("secret", exception.Message);
    }

    [Theory]
    [InlineData("o/r", "hf://o/r")]
    [InlineData("o/r@v1", "hf://o/r@v1")]
    [InlineData("hf://o/r/", "hf://o/r")]
    [InlineData("https://huggingface.co/o/r", "hf://o/r")]
    [InlineData("https://huggingface.co/o/r/tree/v1", "hf://o/r@v1")]
    public void A_repository_is_named_in_short_or_by_its_address(string text, string canonical) =>
        Assert.Equal(canonical, RemoteAddress.ParseRepository(text, s_hub).ToString());

    [Theory]
    [InlineData("r")]
    [InlineData("o/r/a.gguf")]
    [InlineData("https://example.org/o/r")]
    public void A_file_or_a_name_alone_is_no_repository(string text) =>
        Assert.Throws<FormatException>(() => RemoteAddress.ParseRepository(text, s_hub));

    [Fact]
    public void The_token_is_not_part_of_the_options_as_text() => Assert.DoesNotContain("hf_x", $"{new HubOptions { Token = "hf_x" }}");

    [Theory]
    [InlineData("https://huggingface.co", "https://huggingface.co/o/r", true)]
    [InlineData("https://huggingface.co", "https://cdn.huggingface.co/o/r", false)]
    [InlineData("https://huggingface.co", "http://huggingface.co/o/r", false)]
    [InlineData("https://huggingface.co", "https://huggingface.co:444/o/r", false)]
    [InlineData("https://huggingface.co", "https://huggingface.co.example/o/r", false)]
    [InlineData("http://hub.example", "http://hub.example/o/r", false)]
    [InlineData("http://127.0.0.1:8080", "http://127.0.0.1:8080/o/r", true)]
    [InlineData("http://127.0.0.1:8080", "http://127.0.0.1:8081/o/r", false)]
    public void The_token_goes_to_the_hub_alone_and_never_unencrypted_over_a_network(string endpoint, string url, bool isSent) =>
        Assert.Equal(isSent, new HubOptions { Endpoint = new(endpoint), Token = "hf_x" }.SendsToken(new(url)));
}
