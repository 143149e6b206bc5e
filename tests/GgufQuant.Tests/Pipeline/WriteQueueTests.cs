using GgufQuant.Pipeline;

namespace GgufQuant.Tests.Pipeline;

public sealed class WriteQueueTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 4)]
    [InlineData(1, 4)]
    [InlineData(8, 4)]
    public void EveryWriteIsMadeOnceAndAloneBeforeTheThreadsEnd(int most, int count)
    {
        const int Writes = 2000;
        WriteQueue queue = new(most);
        int writing = 0;
        int overlaps = 0;
        int[] made = new int[count * Writes];
        RunThreads(count, thread =>
        {
            for (int i = 0; i < Writes; i++)
            {
                int number = (thread * Writes) + i;
                queue.Add(() =>
                {
                    overlaps += Interlocked.Increment(ref writing) - 1;
                    made[number]++;
                    if (number % 64 == 0)
                        Thread.Yield();
                    Interlocked.Decrement(ref writing);
                });
            }
        });
        Assert.Equal(0, overlaps);
        Assert.All(made, times => Assert.Equal(1, times));
    }

    [Fact]
    public void WhoeverFindsAnotherWritingGoesOnUntilTooManyWait()
    {
        const int Most = 3;
        WriteQueue queue = new(Most);
        using ManualResetEventSlim begun = new();
        using ManualResetEventSlim released = new();
        List<int> order = [];
        Thread writer = Start(() => queue.Add(() =>
        {
            begun.Set();
            released.Wait(TestContext.Current.CancellationToken);
            order.Add(0);
        }));
        begun.Wait(TestContext.Current.CancellationToken);
        for (int i = 1; i <= Most; i++)
        {
            int number = i;
            queue.Add(() => order.Add(number));
        }
        Assert.Empty(order);

        Thread late = Start(() => queue.Add(() => order.Add(Most + 1)));
        Assert.False(late.Join(TimeSpan.FromMilliseconds(100)));
        released.Set();
        writer.Join();
        late.Join();
        Assert.Equal(Enumerable.Range(0, Most + 2), order);
    }

    private static void RunThreads(int count, Action<int> work)
    {
        Thread[] threads = [.. Enumerable.Range(0, count).Select(number => Start(() => work(number)))];
        foreach (Thread thread in threads)
            thread.Join();
    }

    private static Thread Start(ThreadStart work)
    {
        Thread thread = new(work) { IsBackground = true };
        thread.Start();
        return thread;
    }
}
