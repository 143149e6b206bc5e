using GgufQuant.Calibration;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Factors of moments, kept within a budget for the groups of tensors that share them.</summary>
/// <param name="budget">The budget in bytes; one factor is kept even if it is larger.</param>
/// <param name="threads">Threads to factorize with.</param>
internal sealed class KeptFactors(long budget, int threads)
{
    // In the order of creation.
    private readonly List<(InputMoments Moments, RoundingFactor Factor)> _kept = [];

    /// <summary>The number of factorizations.</summary>
    public int Made { get; private set; }

    /// <summary>The factor of an input's moments.</summary>
    /// <param name="moments">The moments.</param>
    /// <param name="needed">All factors that the current group needs; the next one may need them again.</param>
    /// <exception cref="CalibrationException">The moments are damaged.</exception>
    public RoundingFactor Get(InputMoments moments, IReadOnlySet<InputMoments> needed)
    {
        if (_kept.Find(kept => kept.Moments == moments).Factor is { } known)
            return known;
        long room = budget - RoundingFactor.PeakBytesFor(moments);
        while (_kept.Count > 0 && _kept.Sum(kept => RoundingFactor.BytesFor(kept.Moments)) > room)
        {
            // Groups begin with the same input, so the newest is the last to be needed again.
            int idle = _kept.FindIndex(kept => !needed.Contains(kept.Moments));
            _kept.RemoveAt(idle >= 0 ? idle : _kept.Count - 1);
        }
        RoundingFactor factor = RoundingFactor.Create(moments, threads, CancellationToken.None);
        Made++;
        if (room >= 0)
            _kept.Add((moments, factor));
        return factor;
    }
}
