namespace GgufQuant.Models;

/// <summary>How a model is divided between a graphics card and the host, as llama.cpp divides it.</summary>
public sealed record GpuPlacement
{
    /// <summary>The most that stays free: what llama.cpp's <c>--fit-target</c> leaves.</summary>
    private const long MostReserve = 1L << 30;

    /// <summary>Bytes of memory that the card has.</summary>
    public required long GpuMemory { get; init; }

    /// <summary>Bytes of these that should stay free, for the driver and other programs.</summary>
    public required long Reserve { get; init; }

    /// <summary>The layers on the card as llama.cpp counts them, from the last, the output being the first of them: <c>-ngl</c>.</summary>
    public required int GpuLayers { get; init; }

    /// <summary>All layers as llama.cpp counts them: those of the model and the output.</summary>
    public required int Layers { get; init; }

    /// <summary>The layers, from the first, whose experts stay on the host though the rest may be on the card: <c>--n-cpu-moe</c>.</summary>
    public required int CpuMoeLayers { get; init; }

    /// <summary>What is on the card.</summary>
    public required MemoryShare Gpu { get; init; }

    /// <summary>What is on the host.</summary>
    public required MemoryShare Host { get; init; }

    /// <summary>Whether the card's memory suffices for what is on it, with the reserve to spare.</summary>
    public bool Fits => Gpu.Total <= GpuMemory - Reserve;

    /// <summary>Whether the whole model is on the card, except for the token embeddings.</summary>
    public bool IsWhole => Fits && GpuLayers == Layers && CpuMoeLayers == 0;

    /// <summary>The arguments that make llama.cpp's programs divide the model so.</summary>
    public string Arguments => CpuMoeLayers == 0 ? $"-ngl {GpuLayers}" : $"-ngl {GpuLayers} --n-cpu-moe {CpuMoeLayers}";

    /// <summary>What stays free of a card's memory where nothing else is asked for: a tenth, and at most 1 GiB.</summary>
    internal static long DefaultReserve(long memory) => Math.Min(memory / 10, MostReserve);
}
