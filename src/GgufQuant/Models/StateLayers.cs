namespace GgufQuant.Models;

/// <summary>Which layers of an architecture have a recurrent state, and which have attention.</summary>
internal enum StateLayers
{
    /// <summary>Attention in all layers.</summary>
    None,

    /// <summary>A state in all layers, and no attention.</summary>
    All,

    /// <summary>A state and attention in each layer.</summary>
    Beside,

    /// <summary>A state in the layers without key-value heads.</summary>
    WithoutHeads,

    /// <summary>In the layers without feed-forward: a state in those without key-value heads, attention in the others.</summary>
    WithoutHeadsAndFeedForward,

    /// <summary>Attention in the last layer of every four, or of an interval that the file states; a state in the others.</summary>
    EveryFourth,

    /// <summary>The same with every eight.</summary>
    EveryEighth,
}

/// <summary>Finds the layers with attention and with states.</summary>
internal static class StateLayerRules
{
    private const string ListKey = "attention.recurrent_layers";
    private const string IntervalKey = "full_attention_interval";

    /// <summary>Whether a layer has attention, and whether it has a state.</summary>
    /// <remarks>
    /// <c>hparams.is_recr_impl</c> of each architecture's <c>load_arch_hparams</c>, and the filters of <c>llama_model::create_memory</c>.
    /// </remarks>
    internal static (bool Attention, bool State)[] Of(this StateLayers rule, ShapeKeys keys, IReadOnlyList<long> keyValueHeads, IReadOnlyList<long> feedForward, int layers)
    {
        bool[]? listed = Listed(rule, keys, layers);
        (bool Attention, bool State) Layer(int layer) => rule switch
        {
            StateLayers.All => (false, true),
            StateLayers.Beside => (true, true),
            StateLayers.WithoutHeads => (keyValueHeads[layer] != 0, keyValueHeads[layer] == 0),
            StateLayers.WithoutHeadsAndFeedForward => (keyValueHeads[layer] != 0 && feedForward[layer] == 0, keyValueHeads[layer] == 0 && feedForward[layer] == 0),
            StateLayers.EveryFourth or StateLayers.EveryEighth => (!listed![layer], listed[layer]),
            _ => (true, false),
        };
        return [.. Enumerable.Range(0, layers).Select(Layer)];
    }

    private static bool[]? Listed(StateLayers rule, ShapeKeys keys, int layers)
    {
        if (rule is not (StateLayers.EveryFourth or StateLayers.EveryEighth))
            return null;
        if (keys.FindPerLayer(ListKey, layers) is long[] values)
            return [.. values.Select(value => value != 0)];
        long interval = Math.Max(1, keys.FindNumber(IntervalKey) ?? (rule == StateLayers.EveryFourth ? 4 : 8));
        return [.. Enumerable.Range(0, layers).Select(layer => (layer + 1) % interval != 0)];
    }
}
