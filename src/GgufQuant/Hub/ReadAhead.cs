using GgufQuant.Gguf;

namespace GgufQuant.Hub;

/// <summary>How much to ask for at once, so that a header takes few requests, and all headers of a model together at most 1 MiB beyond them.</summary>
/// <remarks>Only the last request for a file can go beyond its header, so what counts is the size of the largest.</remarks>
internal static class ReadAhead
{
    private const int Allowance = 1 << 20;
    private const int FirstRequest = 1 << 18;
    private const int LeastRequest = 1 << 10;

    /// <summary>The bytes to ask for first, and at most, for one file of a model.</summary>
    /// <param name="path">The file's address, whose name says whether it is a shard.</param>
    public static (int First, int Most) Of(string path)
    {
        int count = ShardNames.CountOf(path);
        if (count == 1)
            return (FirstRequest, Allowance);
        // The first shard has the vocabulary; the others have only a list of their tensors.
        int most = ShardNames.FirstOf(path) == path ? Allowance / 2 : Math.Max(Allowance / 2 / (count - 1), LeastRequest);
        return (Math.Min(FirstRequest, most), most);
    }
}
