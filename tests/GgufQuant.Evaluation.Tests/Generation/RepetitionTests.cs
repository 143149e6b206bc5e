using GgufQuant.Evaluation.Generation;

namespace GgufQuant.Evaluation.Tests.Generation;

public sealed class RepetitionTests
{
    [Fact]
    public void Distinct_tokens_have_no_loop() => Assert.Equal(new(1, 0, 0), Repetition.Of([.. Enumerable.Range(0, 50)]));

    [Fact]
    public void The_loop_at_the_end_of_a_text_is_found()
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
    public void A_loop_has_at_least_sixteen_tokens(int count, bool expected) =>
        Assert.Equal(expected, Repetition.Of([1, 2, 3, .. Enumerable.Repeat(5, count)]).IsLooping);

    [Fact]
    public void A_loop_that_ended_is_ignored() =>
        Assert.False(Repetition.Of([.. Enumerable.Repeat(5, 30), 6, 7]).IsLooping);

    [Fact]
    public void Short_texts_are_accepted() => Assert.Equal(new(1, 0, 0), Repetition.Of([1]));
}
