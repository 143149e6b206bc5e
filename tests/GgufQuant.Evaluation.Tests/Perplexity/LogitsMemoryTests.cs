using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Tests.Perplexity;

public class LogitsMemoryTests
{
    [Fact]
    public void Rows_keep_what_is_written_to_them()
    {
        using LogitsMemory memory = new(rows: 3, vocabularySize: 5);
        for (int row = 0; row < memory.Rows; row++)
            memory[row].Fill(row);
        Assert.Equal([0, 0, 0, 0, 0], memory[0]);
        Assert.Equal([1, 1, 1, 1, 1], memory[1]);
        Assert.Equal([2, 2, 2, 2, 2], memory[2]);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void Only_its_rows_can_be_accessed(long row)
    {
        using LogitsMemory memory = new(rows: 3, vocabularySize: 5);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory[row].Clear());
    }

    [Fact]
    public void Disposed_memory_cannot_be_accessed()
    {
        LogitsMemory memory = new(rows: 1, vocabularySize: 1);
        memory.Dispose();
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory[0].Clear());
    }
}
