namespace GgufQuant.Models;

/// <summary>The dimensions of one layer, as far as they decide what memory it takes.</summary>
public sealed record LayerShape
{
    /// <summary>Query heads.</summary>
    public long Heads { get; init; }

    /// <summary>Key-value heads; 0 for a layer without attention.</summary>
    public long KeyValueHeads { get; init; }

    /// <summary>Width of a key.</summary>
    public long KeyLength { get; init; }

    /// <summary>Width of a value; 0 if values are computed from the keys, as in multi-head latent attention.</summary>
    public long ValueLength { get; init; }

    /// <summary>Width of the feed-forward layer.</summary>
    public long FeedForwardLength { get; init; }

    /// <summary>Whether attention reaches back over a sliding window, or its chunk, alone.</summary>
    public bool HasWindow { get; init; }

    /// <summary>Whether the layer has a key-value cache of its own.</summary>
    public bool HasCache { get; init; }

    /// <summary>Whether the layer has a recurrent state.</summary>
    public bool HasState { get; init; }

    /// <summary>Width of the keys by which a sparse attention's indexer chooses tokens; 0 without one.</summary>
    public long IndexerKeyLength { get; init; }

    /// <summary>Tokens that share a compressed key; 0 if each has its own.</summary>
    public long CompressionRatio { get; init; }
}
