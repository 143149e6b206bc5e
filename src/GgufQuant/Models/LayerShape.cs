namespace GgufQuant.Models;

/// <summary>The dimensions of one layer that determine its memory.</summary>
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

    /// <summary>Whether attention is limited to a sliding window or a chunk.</summary>
    public bool HasWindow { get; init; }

    /// <summary>Whether the layer has its own key-value cache.</summary>
    public bool HasCache { get; init; }

    /// <summary>Whether the layer has a recurrent state.</summary>
    public bool HasState { get; init; }

    /// <summary>Width of the indexer's keys in sparse attention; 0 without an indexer.</summary>
    public long IndexerKeyLength { get; init; }

    /// <summary>Tokens that share a compressed key; 0 if each has its own.</summary>
    public long CompressionRatio { get; init; }
}
