using GgufQuant.Evaluation.Generation;

namespace GgufQuant.Evaluation.Tests.Generation;

public sealed class RepetitionTests
{
    [Fact]
    public void FindsNoneInDistinctTokens() => Assert.Equal(new(1, 0, 0), Repetition.Of([.. Enumerable.Range(0, 50)]));

    [Fact]
    public void FindsTheLoopATextEndsIn()
    {
        int[] tokens = [.. Enumerable.Range(0, 20), .. Enumerable.Repeat<int[]>([7, 8, 9, 7], 5).SelectMany(run => run)];

        Repetition repetition = Repetition.Of(tokens);

        Assert.Equal((4, 5), (repetition.LoopLength, repetition.LoopCount));
        Assert.True(repetition.IsLooping);
        Assert.InRange(repetition.DistinctTrigrams, 0.5, 0.7);
    }

    [Theory]
    [InlineData(15, false)]
    [InlineData(16, true)]
    public void NeedsSixteenTokens(int count, bool expected) =>
        Assert.Equal(expected, Repetition.Of([1, 2, 3, .. Enumerable.Repeat(5, count)]).IsLooping);

    [Fact]
    public void IgnoresALoopThatWasLeft() =>
        Assert.False(Repetition.Of([.. Enumerable.Repeat(5, 30), 6, 7]).IsLooping);

    [Fact]
    public void TakesShortTexts() => Assert.Equal(new(1, 0, 0), Repetition.Of([1]));
}
