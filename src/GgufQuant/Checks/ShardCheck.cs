using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Looks for bytes that belong to no tensor.</summary>
internal static class ShardCheck
{
    public static IEnumerable<GgufFinding> Run(GgufFile file)
    {
        for (int i = 0; i < file.Shards.Count; i++)
        {
            GgufShard shard = file.Shards[i];
            long end = file.Tensors.Where(tensor => tensor.Shard == i)
                .Select(tensor => tensor.FileOffset + tensor.ByteCount)
                .DefaultIfEmpty(shard.DataOffset)
                .Max();

            // The header of a file without tensors may or may not be padded; the last tensor's padding may be missing.
            long extra = shard.Length - GgufAlignment.Align(end, shard.Alignment);
            if (extra > 0)
                yield return new GgufFinding(FindingSeverity.Warning, shard.Path, $"{extra} bytes follow the last tensor and belong to no tensor.");
        }
    }
}
