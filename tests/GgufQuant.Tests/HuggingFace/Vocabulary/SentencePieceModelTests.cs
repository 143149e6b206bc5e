using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

public sealed class SentencePieceModelTests
{
    [Fact]
    public void Pieces_and_both_specifications_are_read()
    {
        SentencePieceModel model = SentencePieceModel.Read(
            "m", SentencePieceBytes.Model(2, ("<unk>", 0, 2), ("<s>", 0, 3), ("▁é🦙", -1.5f, 1), ("<0x0A>", 0, 6), ("own", -3, 4), ("none", 0, 5)));
        Assert.Equal(
            [new("<unk>", 0, TokenType.Unknown), new("<s>", 0, TokenType.Control), new("▁é🦙", -1.5f, TokenType.Normal),
                new("<0x0A>", 0, TokenType.Byte), new("own", -3, TokenType.Normal), new("none", 0, TokenType.Unused)],
            model.Pieces);
        Assert.Equal((2, true, false), (model.ModelType, model.AddDummyPrefix, model.RemoveExtraWhitespaces));
        Assert.Equal([1, 2, 3], model.PrecompiledCharsmap);
    }

    [Fact]
    public void Fields_of_later_versions_are_skipped()
    {
        byte[] piece = [.. SentencePieceBytes.Field(1, "a"u8.ToArray()), .. SentencePieceBytes.Number(9, 300)];
        byte[] model = [.. SentencePieceBytes.Field(1, piece), .. SentencePieceBytes.Field(7, [1, 2]), 0x4D, 0, 0, 0, 0, 0x51, 0, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal("a", Assert.Single(SentencePieceModel.Read("m", model).Pieces).Text);
    }

    [Theory]
    [InlineData(new byte[0], "no pieces")]
    [InlineData(new byte[] { 0x0A, 0x7F, 1 }, "exceeds the 1 that are left")]
    [InlineData(new byte[] { 0x0A, 0x00 }, "piece 0 at byte 2: the piece is empty")]
    [InlineData(new byte[] { 0x0A, 0x03, 0x0A, 0x01, 0xFF }, "not UTF-8")]
    [InlineData(new byte[] { 0x0A, 0x03, 0x15, 0x01, 0xFF }, "at byte 3: a field is cut off")]
    [InlineData(new byte[] { 0x08, 0x01 }, "wire type 0, not 2")]
    [InlineData(new byte[] { 0x0B }, "wire type 3")]
    [InlineData(new byte[] { 0x02, 0x01 }, "number is 0")]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80 }, "more than ten bytes")]
    [InlineData(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01 }, "18446744073709551615 bytes")]
    public void What_is_wrong_is_said_with_its_place(byte[] bytes, string problem) =>
        Assert.Contains(problem, Assert.Throws<ModelFolderException>(() => SentencePieceModel.Read("m", bytes)).Message);
}
