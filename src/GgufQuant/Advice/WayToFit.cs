using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Advice;

/// <summary>A change with which a model fits into memory that it does not fit into otherwise.</summary>
/// <param name="Advice">The type that fits then.</param>
/// <param name="Options">How the model is run then.</param>
public sealed record WayToFit(QuantAdvice Advice, MemoryOptions Options)
{
    // A context of llama.cpp has a multiple of this many tokens.
    private const long ContextStep = 256;

    /// <summary>Whether the type needs an importance matrix that there was not to be.</summary>
    public bool NeedsImportanceMatrix { get; init; }

    /// <summary>Whether a part of the model is in the host's memory, which was not offered.</summary>
    public bool UsesHost { get; init; }

    /// <summary>Finds the changes that suffice where no type fits.</summary>
    /// <param name="file">The model.</param>
    /// <param name="budget">Bytes of memory available, beside that of a graphics card; null to fit all layers on the card.</param>
    /// <param name="memory">How the model was to be run; null for the defaults.</param>
    /// <param name="withImportanceMatrix">Whether there will be an importance matrix.</param>
    /// <returns>
    /// A shorter context, a smaller cache, both where neither alone suffices, a type that needs an importance matrix, and a part
    /// of the model on the host; empty if none of them suffices.
    /// </returns>
    public static IReadOnlyList<WayToFit> Find(GgufFile file, long? budget, MemoryOptions? memory = null, bool withImportanceMatrix = false)
    {
        MemoryOptions options = memory ?? MemoryOptions.Default;
        AdviceRequest request = new(file, budget, reserve: 0, options);
        AdviceCandidate[] candidates = [.. request.Candidates(withImportanceMatrix, measured: null)];
        if (candidates.MinBy(candidate => candidate.Weights.Total) is not { } smallest)
            return [];
        MemoryOptions[] caches = [.. SmallerCaches(options)];
        WayToFit?[] single = [ShorterContext(options), caches.Select(cache => Best(candidates, cache)).FirstOrDefault(way => way is not null)];
        if (single.All(way => way is null))
            single = [caches.Select(ShorterContext).FirstOrDefault(way => way is not null)];
        return [.. single.Append(Matrix()).Append(Host()).OfType<WayToFit>()];

        WayToFit? Best(IEnumerable<AdviceCandidate> types, MemoryOptions run) =>
            QuantAdvisor.Recommend(types.Select(type => request.Advise(type, run))) is { } best ? new(best, run) : null;

        // The longest for which the smallest type fits.
        WayToFit? ShorterContext(MemoryOptions run)
        {
            long fits = 0;
            long steps = (request.Advise(smallest, run).Memory.ContextLength - 1) / ContextStep;
            for (long above = steps + 1; above - fits > 1;)
            {
                long middle = fits + ((above - fits) / 2);
                if (Fits(middle))
                    fits = middle;
                else
                    above = middle;
            }
            return fits == 0 ? null : Best([smallest], WithContext(fits));

            bool Fits(long length) => request.Advise(smallest, WithContext(length)).Fit != MemoryFit.TooLarge;

            MemoryOptions WithContext(long length) => run with { ContextLength = length * ContextStep };
        }

        WayToFit? Matrix() => withImportanceMatrix
            ? null
            : Best(request.Candidates(withImportanceMatrix: true, measured: null), options) is { } way ? way with { NeedsImportanceMatrix = true } : null;

        WayToFit? Host()
        {
            if (budget is not null)
                return null;
            AdviceRequest divided = new(file, long.MaxValue, reserve: 0, options);
            QuantAdvice advice = divided.Advise(smallest, options);
            return advice.Fit == MemoryFit.TooLarge ? null : new(advice, options) { UsesHost = true };
        }
    }

    /// <summary>The least memory that a type takes with the model run as it is to be.</summary>
    /// <param name="file">The model.</param>
    /// <param name="budget">Bytes of memory available, beside that of a graphics card; null to fit all layers on the card.</param>
    /// <param name="memory">How the model is run; null for the defaults.</param>
    /// <param name="withImportanceMatrix">Whether there will be an importance matrix.</param>
    public static QuantAdvice? Smallest(GgufFile file, long? budget, MemoryOptions? memory = null, bool withImportanceMatrix = false)
    {
        MemoryOptions options = memory ?? MemoryOptions.Default;
        AdviceRequest request = new(file, budget, reserve: 0, options);
        return request.Candidates(withImportanceMatrix, measured: null).Select(type => request.Advise(type, options)).MaxBy(advice => advice.Margin);
    }

    // llama.cpp has quantized values only with flash attention.
    private static IEnumerable<MemoryOptions> SmallerCaches(MemoryOptions options) =>
        from type in options.FlashAttention ? new[] { CacheType.Q8_0, CacheType.Q4_0 } : []
        where Bits(type) < Math.Max(Bits(options.KeyType), Bits(options.ValueType))
        select options with { KeyType = Smaller(options.KeyType, type), ValueType = Smaller(options.ValueType, type) };

    private static CacheType Smaller(CacheType first, CacheType second) => Bits(first) <= Bits(second) ? first : second;

    private static double Bits(CacheType type) => BlockFormat.Of(Enum.Parse<GgmlType>(type.ToString())).BitsPerWeight;
}
