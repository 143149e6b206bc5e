using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>The sizes of a model's tensors, grouped by where llama.cpp loads them.</summary>
/// <remarks>
/// <c>LLM_TENSOR_INFOS</c> says which tensors belong to the input, to a layer or to the output, and
/// <c>llama_model_loader::create_tensor</c> where they go.
/// </remarks>
public sealed class ModelWeights
{
    // These are looked up row by row and stay on the host.
    private static readonly string[] s_input = [TensorNames.TokenEmbedding, "position_embd.weight", "token_types.weight", TensorNames.PerLayerTokenEmbedding];

    // These are used before the first layer and are loaded with it.
    private static readonly string[] s_first = ["conv1d.weight", "conv1d.bias", "token_embd_norm.weight", "token_embd_norm.bias", "per_layer_model_proj.weight", "per_layer_proj_norm.weight"];

    // Every device that has layers has these.
    private static readonly string[] s_everywhere = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"];

    private readonly LayerWeights[] _layers;

    private ModelWeights(int layers) => _layers = new LayerWeights[layers];

    /// <summary>Bytes of all tensors that are loaded: all but those of layers that draft tokens.</summary>
    public long Total { get; private init; }

    /// <summary>Bytes of the tensors of layers that draft tokens.</summary>
    internal long Draft { get; private init; }

    /// <summary>Bytes of the tensors looked up for each token.</summary>
    internal long Input { get; private set; }

    /// <summary>Bytes of the tensors after the layers.</summary>
    internal long Output { get; private set; }

    /// <summary>Bytes of the largest output tensor.</summary>
    internal long LargestOutput { get; private set; }

    /// <summary>Bytes of the token embeddings, of which a GPU needs a copy if they are also the output.</summary>
    internal long TiedOutput { get; private set; }

    /// <summary>Bytes of the tensors that each device with layers needs.</summary>
    internal long Everywhere { get; private set; }

    /// <summary>The layers.</summary>
    internal IReadOnlyList<LayerWeights> Layers => _layers;

    /// <summary>Bytes of the experts of all layers.</summary>
    internal long Experts => _layers.Sum(layer => layer.Experts);

    /// <summary>The weights of a file.</summary>
    public static ModelWeights Of(GgufFile file, ModelShape shape)
    {
        ArgumentNullException.ThrowIfNull(file);
        return Of(file.Tensors.Select(tensor => (tensor.Name, tensor.ByteCount)), shape);
    }

    /// <summary>Sums tensors.</summary>
    /// <param name="tensors">Names and sizes in bytes.</param>
    /// <param name="shape">The model's dimensions.</param>
    public static ModelWeights Of(IEnumerable<(string Name, long Bytes)> tensors, ModelShape shape)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(shape);
        int trunk = shape.Layers - shape.DraftLayers;
        ILookup<bool, (string Name, long Bytes)> split = tensors.ToLookup(tensor => shape.DraftLayers > 0 && TensorNames.FindRunLayer(tensor.Name) is int layer && layer >= trunk);
        (string Name, long Bytes)[] all = [.. split[false]];
        ModelWeights weights = new(shape.Layers) { Total = all.Sum(tensor => tensor.Bytes), Draft = split[true].Sum(tensor => tensor.Bytes) };
        foreach ((string name, long bytes) in all)
            weights.Add(name, bytes);
        bool hasOutput = !ArchitectureMemory.Of(shape.Architecture).CopiesTiedOutput || all.Any(tensor => tensor.Name == TensorNames.Output);
        weights.TiedOutput = hasOutput ? 0 : all.FirstOrDefault(tensor => tensor.Name == TensorNames.TokenEmbedding).Bytes;
        return weights;
    }

    private void Add(string name, long bytes)
    {
        if (s_input.Contains(name))
            Input += bytes;
        else if (s_everywhere.Contains(name))
            Everywhere += bytes;
        else if (TensorNames.FindRunLayer(name) is int layer && layer < _layers.Length)
            _layers[layer] = _layers[layer].With(bytes, TensorNames.IsExpert(name));
        else if (_layers.Length > 0 && s_first.Contains(name))
            _layers[0] = _layers[0].With(bytes, isExpert: false);
        else
            (Output, LargestOutput) = (Output + bytes, Math.Max(LargestOutput, bytes));
    }
}

/// <summary>The sizes of a layer's tensors in bytes.</summary>
/// <param name="Dense">All but the experts.</param>
/// <param name="Experts">The experts that <c>--n-cpu-moe</c> moves, without shared ones.</param>
/// <param name="LargestDense">The largest tensor without experts.</param>
/// <param name="LargestExperts">The largest tensor with experts.</param>
internal readonly record struct LayerWeights(long Dense, long Experts, long LargestDense, long LargestExperts)
{
    /// <summary>The same with one more tensor.</summary>
    internal LayerWeights With(long bytes, bool isExpert) => isExpert
        ? this with { Experts = Experts + bytes, LargestExperts = Math.Max(LargestExperts, bytes) }
        : this with { Dense = Dense + bytes, LargestDense = Math.Max(LargestDense, bytes) };
}
