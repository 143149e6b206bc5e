namespace GgufQuant.Models;

/// <summary>Divides a model between a GPU and the host.</summary>
/// <remarks>
/// <c>llama_model::load_tensors</c> puts the last layers on the GPU, the output first, with the cache and the states of these layers.
/// The host keeps the embeddings, but batches are computed on the GPU, which copies the host's weights one tensor at a time, and the
/// cache one layer at a time (<c>ggml_backend_sched_split_graph</c>).
/// </remarks>
internal sealed class LayerOffload
{
    // CUDA computes smaller batches on the device with the weights.
    private const long LeastOffloadedBatch = 32;

    private readonly ModelWeights _weights;
    private readonly bool _offloads;
    private readonly ComputeBuffer _buffer;

    // Prefix sums over the layers: what the host has if it keeps that many.
    private readonly Int128[] _dense;
    private readonly Int128[] _experts;
    private readonly Int128[] _cache;
    private readonly Int128[] _state;
    private readonly long[] _largestDense;
    private readonly long[] _largestExperts;
    private readonly Int128[] _largestCache;

    internal LayerOffload(ModelWeights weights, ModelShape shape, ContextPlan plan)
    {
        _weights = weights;
        _offloads = plan.Batch >= LeastOffloadedBatch;
        _buffer = new(shape, plan);
        int layers = weights.Layers.Count;
        Int128[] cache = ByLayer(KeyValueCache.BytesOf(shape, plan), layers);
        Int128[] state = ByLayer(RecurrentState.BytesOf(shape, plan), layers);
        _dense = Sums(layers, layer => weights.Layers[layer].Dense);
        _experts = Sums(layers, layer => weights.Layers[layer].Experts);
        _cache = Sums(layers, layer => cache[layer]);
        _state = Sums(layers, layer => state[layer]);
        _largestDense = Largest(layers, layer => weights.Layers[layer].LargestDense);
        _largestExperts = Largest(layers, layer => weights.Layers[layer].LargestExperts);
        _largestCache = Largest(layers, layer => cache[layer]);
    }

    private int Layers => _weights.Layers.Count;

    /// <summary>Divides the model so that as much as possible is on the GPU.</summary>
    /// <param name="memory">The GPU's memory in bytes.</param>
    /// <param name="reserve">Bytes of it to leave free.</param>
    /// <param name="cpuMoe">Whether all experts stay on the host.</param>
    /// <remarks>Experts are moved to the host before layers, because each token uses only a few of them.</remarks>
    internal GpuPlacement Divide(long memory, long reserve, bool cpuMoe)
    {
        int withExperts = LastWithExperts() + 1;
        for (int experts = cpuMoe ? withExperts : 0; experts <= withExperts; experts++)
        {
            GpuPlacement placement = At(Layers + 1, experts);
            if (placement.Fits)
                return placement;
        }
        for (int layers = Layers; layers > 0; layers--)
        {
            GpuPlacement placement = At(layers, withExperts);
            if (placement.Fits)
                return placement;
        }
        return At(0, withExperts);

        GpuPlacement At(int gpuLayers, int hostExperts) => Place(gpuLayers, hostExperts) with { GpuMemory = memory, Reserve = reserve };
    }

    /// <summary>The division with given layers and experts.</summary>
    /// <param name="gpuLayers">The number of layers on the GPU, with the output counted as one.</param>
    /// <param name="hostExperts">The number of layers whose experts stay on the host.</param>
    internal GpuPlacement Place(int gpuLayers, int hostExperts)
    {
        int hostLayers = Math.Min(Layers + 1 - gpuLayers, Layers);
        int expertLayers = Math.Max(hostLayers, hostExperts);
        bool hasOutput = gpuLayers > 0;
        Int128 hostWeights = _weights.Input + _dense[hostLayers] + _experts[expertLayers] + (hasOutput ? 0 : _weights.Output) + (hostLayers > 0 ? _weights.Everywhere : 0);
        Int128 gpuWeights = _dense[^1] - _dense[hostLayers] + _experts[^1] - _experts[expertLayers]
            + (hasOutput ? _weights.Output + _weights.TiedOutput : 0) + (hostLayers < Layers ? _weights.Everywhere : 0);
        return new()
        {
            GpuMemory = 0,
            Reserve = 0,
            GpuLayers = gpuLayers,
            Layers = Layers + 1,
            CpuMoeLayers = hostExperts > hostLayers ? hostExperts : 0,
            Gpu = new(Bounded(gpuWeights), Bounded(_cache[^1] - _cache[hostLayers]), Bounded(_state[^1] - _state[hostLayers]), Bounded(GpuBuffer(hasOutput, hostLayers, expertLayers))),
            Host = new(Bounded(hostWeights), Bounded(_cache[hostLayers]), Bounded(_state[hostLayers]), Bounded(HostBuffer(hasOutput, hostLayers, expertLayers))),
        };
    }

    private Int128 GpuBuffer(bool hasOutput, int hostLayers, int expertLayers)
    {
        if (!_offloads)
            return _buffer.Bytes();
        int copiesOfExperts = _buffer.Alternates && expertLayers > hostLayers + 1 ? 2 : 1;
        return _buffer.Bytes(
            Int128.Max(_largestDense[hostLayers], copiesOfExperts * (Int128)_largestExperts[expertLayers]),
            _largestCache[hostLayers],
            hasOutput ? 0 : Math.Max(_weights.LargestOutput, _weights.TiedOutput));
    }

    private Int128 HostBuffer(bool hasOutput, int hostLayers, int expertLayers)
    {
        bool computes = hostLayers > 0 || !hasOutput || _largestExperts[expertLayers] > 0;
        return !_offloads && computes ? _buffer.Bytes() : _buffer.HostBytes(hostLayers > 0);
    }

    private int LastWithExperts()
    {
        int last = Layers - 1;
        while (last >= 0 && _weights.Layers[last].Experts == 0)
            last--;
        return last;
    }

    // Layers that run several times are on one device.
    private static Int128[] ByLayer(Int128[] runs, int layers)
    {
        Int128[] bytes = new Int128[layers];
        for (int run = 0; run < runs.Length && layers > 0; run++)
            bytes[run % layers] += runs[run];
        return bytes;
    }

    private static Int128[] Sums(int layers, Func<int, Int128> bytes)
    {
        Int128[] sums = new Int128[layers + 1];
        for (int layer = 0; layer < layers; layer++)
            sums[layer + 1] = sums[layer] + bytes(layer);
        return sums;
    }

    private static T[] Largest<T>(int layers, Func<int, T> bytes)
        where T : System.Numerics.INumber<T>
    {
        T[] largest = new T[layers + 1];
        for (int layer = 0; layer < layers; layer++)
            largest[layer + 1] = T.Max(largest[layer], bytes(layer));
        return largest;
    }

    private static long Bounded(Int128 bytes) => bytes > long.MaxValue ? long.MaxValue : (long)bytes;
}
