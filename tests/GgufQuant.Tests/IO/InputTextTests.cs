using System.Text;
using GgufQuant.IO;

namespace GgufQuant.Tests.IO;

public sealed class InputTextTests
{
    private const string Text = "Zürich, 12 °C: 🙂\nline two\n\n last";

    [Fact]
    public void Plain_UTF8_with_line_feeds_is_taken_as_it_is()
    {
        InputText text = InputText.Decode(Encoding.UTF8.GetBytes(Text));
        Assert.Equal(Text, text.Text);
        Assert.Empty(text.Changes);
        Assert.Equal(0, text.InvalidBytes);
    }

    [Fact]
    public void Whatever_the_encoding_the_text_is_the_same()
    {
        foreach ((Encoding encoding, string change) in new (Encoding, string)[]
        {
            (new UTF8Encoding(encoderShouldEmitUTF8Identifier: true), "its byte order mark is left out"),
            (new UnicodeEncoding(bigEndian: false, byteOrderMark: true), "it is converted from UTF-16"),
            (new UnicodeEncoding(bigEndian: true, byteOrderMark: true), "it is converted from UTF-16"),
            (new UTF32Encoding(bigEndian: false, byteOrderMark: true), "it is converted from UTF-32"),
            (new UTF32Encoding(bigEndian: true, byteOrderMark: true), "it is converted from UTF-32"),
        })
        {
            InputText text = InputText.Decode([.. encoding.GetPreamble(), .. encoding.GetBytes(Text)]);
            Assert.Equal(Text, text.Text);
            Assert.Equal([change], text.Changes);
        }
    }

    [Fact]
    public void Windows_line_endings_become_line_feeds_and_are_told()
    {
        InputText text = InputText.Decode(Encoding.UTF8.GetBytes(Text.Replace("\n", "\r\n", StringComparison.Ordinal)));
        Assert.Equal(Text, text.Text);
        Assert.Equal(["its 3 Windows line endings are read as line feeds"], text.Changes);
    }

    [Fact]
    public void A_carriage_return_alone_stays()
    {
        InputText text = InputText.Decode("a\rb\n\rc"u8);
        Assert.Equal("a\rb\n\rc", text.Text);
        Assert.Empty(text.Changes);
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_are_counted()
    {
        InputText text = InputText.Decode([.. "caf"u8, 0xE9, .. " à "u8, 0xFC, 0xFF]);
        Assert.Equal("caf\uFFFD à \uFFFD\uFFFD", text.Text);
        Assert.Equal(3, text.InvalidBytes);
        Assert.Equal(["3 of its bytes are not UTF-8, perhaps because it is in Latin-1, and become U+FFFD"], text.Changes);
    }

    [Fact]
    public void UTF16_without_a_mark_is_told()
    {
        InputText text = InputText.Decode(Encoding.Unicode.GetBytes("It was"));
        Assert.Equal(["it contains NUL characters, as a text in UTF-16 without a byte order mark does"], text.Changes);
    }

    [Fact]
    public void Everything_that_was_changed_is_told()
    {
        InputText text = InputText.Decode([.. "\uFEFF"u8, .. "a\r\n"u8, 0xE9]);
        Assert.Equal("a\n\uFFFD", text.Text);
        Assert.Equal(3, text.Changes.Count);
    }
}
