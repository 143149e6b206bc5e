namespace GgufQuant.Evaluation.Tests;

/// <summary>Keeps what is reported, at once and in order.</summary>
internal sealed class Collector<T> : IProgress<T>
{
    public List<T> Values { get; } = [];

    public void Report(T value) => Values.Add(value);
}
