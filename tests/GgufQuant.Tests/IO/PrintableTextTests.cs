using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;
using GgufQuant.Planning;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.IO;

/// <summary>What a file says cannot move the cursor, set a title or hide text where it is shown.</summary>
public sealed class PrintableTextTests
{
    [Theory]
    [InlineData("blk.0.attn_q.weight", "blk.0.attn_q.weight")]
    [InlineData("Grüße, 世界 🦙", "Grüße, 世界 🦙")]
    [InlineData("\u001b]0;title\u0007", "\\u001B]0;title\\u0007")]
    [InlineData("\u009b2J", "\\u009B2J")]
    [InlineData("a\r\nb\tc\u007f", "a\\u000D\\u000Ab\\u0009c\\u007F")]
    [InlineData("\u202egguf.exe", "\\u202Egguf.exe")]
    [InlineData("a\u2028b\u2066c\u200d", "a\\u2028b\\u2066c\\u200D")]
    public void What_a_terminal_would_obey_is_spelt_out(string text, string printable) => Assert.Equal(printable, PrintableText.Escape(text));

    [Fact]
    public void Messages_about_files_hold_no_control_characters()
    {
        const string Evil = "\u001b]0;owned\u0007\u009b2J\u202e";
        AssertIsPrintable(Assert.Throws<GgufFormatException>(() => GgufFile.Open($"{Evil}.gguf", new RawFile().Header(entries: 1).Text(Evil).Raw(99u).Raw(0u))));
        AssertIsPrintable(Assert.Throws<GgufFormatException>(() => GgufFile.Open("x.gguf", new RawFile().Header(tensors: 1).Tensor(Evil, 4, 0, 256).Pad(1024))));
        AssertIsPrintable(new ImatrixFormatException(Evil, Evil, 0, Evil));
        AssertIsPrintable(new QuantizationException(Evil));

        using GgufFile file = GgufFiles.OpenZeros(
            "y.gguf", [GgufEntry.Create("general.architecture", Evil)], [new($"{Evil}.weight", GgmlType.Q4_K, [256, 2])]);
        AssertIsPrintable(Assert.Throws<QuantizationException>(() => QuantizationPlan.Create(file, FileType.Q4_0)));
    }

    private static void AssertIsPrintable(Exception exception)
    {
        Assert.Contains("\\u001B", exception.Message, StringComparison.Ordinal);
        Assert.Equal(PrintableText.Escape(exception.Message), exception.Message);
    }
}
