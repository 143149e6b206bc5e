using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tests;

/// <summary>Keeps what is reported, at once and in order.</summary>
internal sealed class Collector : IProgress<WorkProgress>
{
    public List<WorkProgress> Values { get; } = [];

    public void Report(WorkProgress value) => Values.Add(value);
}
