namespace GgufQuant.Models;

/// <summary>llama.cpp's division of a model between a GPU and the host.</summary>
public sealed record GpuPlacement
{
    /// <summary>The largest default reserve: that of llama.cpp's <c>--fit-target</c>.</summary>
    private const long MostReserve = 1L << 30;

    /// <summary>The GPU's memory in bytes.</summary>
    public required long GpuMemory { get; init; }

    /// <summary>Bytes to leave free for the driver and other programs.</summary>
    public required long Reserve { get; init; }

    /// <summary>The number of layers on the GPU, counted from the output backwards: <c>-ngl</c>.</summary>
    public required int GpuLayers { get; init; }

    /// <summary>The number of all layers, with the output counted as one.</summary>
    public required int Layers { get; init; }

    /// <summary>The number of layers, from the first, whose experts stay on the host: <c>--n-cpu-moe</c>.</summary>
    public required int CpuMoeLayers { get; init; }

    /// <summary>The memory on the GPU.</summary>
    public required MemoryShare Gpu { get; init; }

    /// <summary>The memory on the host.</summary>
    public required MemoryShare Host { get; init; }

    /// <summary>Whether the GPU's share and the reserve fit in its memory.</summary>
    public bool Fits => Gpu.Total <= GpuMemory - Reserve;

    /// <summary>Whether the whole model is on the GPU, except for the token embeddings.</summary>
    public bool IsWhole => Fits && GpuLayers == Layers && CpuMoeLayers == 0;

    /// <summary>The arguments with which llama.cpp's programs divide the model like this.</summary>
    public string Arguments => CpuMoeLayers == 0 ? $"-ngl {GpuLayers}" : $"-ngl {GpuLayers} --n-cpu-moe {CpuMoeLayers}";

    /// <summary>The default reserve of a GPU's memory: a tenth, and at most 1 GiB.</summary>
    internal static long DefaultReserve(long memory) => Math.Min(memory / 10, MostReserve);
}
