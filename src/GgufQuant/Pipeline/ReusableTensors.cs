using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>Finds the tensors of a plan that an earlier file holds already, by the <see cref="ReuseRecord"/> beside it.</summary>
internal static class ReusableTensors
{
    /// <summary>The tensors of the earlier file, by index in the plan.</summary>
    internal static IReadOnlyDictionary<int, GgufTensor> Find(
        QuantizationPlan plan, IReadOnlyList<string?> origins, GgufFile earlier, int threads, CancellationToken token)
    {
        IReadOnlyDictionary<string, (string Name, string Data)> record = ReuseRecord.Read(earlier.Path);
        GgufTensor?[] same = new GgufTensor?[plan.Tensors.Count];
        ParallelLoop.For(same.Length, threads, index => same[index] = Find(plan.Tensors[index], origins[index], record, earlier, token), token);
        return same.Index().Where(found => found.Item is not null).ToDictionary(found => found.Index, found => found.Item!);
    }

    private static GgufTensor? Find(
        PlannedTensor tensor, string? origin, IReadOnlyDictionary<string, (string Name, string Data)> record, GgufFile earlier, CancellationToken token)
    {
        if (origin is null || !record.TryGetValue(origin, out (string Name, string Data) recorded))
            return null;
        bool isSame = earlier.FindTensor(recorded.Name) is { } candidate
            && candidate.Type == tensor.Target
            && candidate.ByteCount == tensor.ByteCount
            && ReuseRecord.HashData(earlier, candidate, token) == recorded.Data;
        return isSame ? earlier.FindTensor(recorded.Name) : null;
    }
}
