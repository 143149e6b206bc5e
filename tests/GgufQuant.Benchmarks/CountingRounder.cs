using GgufQuant.Calibration;
using GgufQuant.Formats;

namespace GgufQuant.Benchmarks;

/// <summary>Counts the weights whose codes change after the errors have been fed forward: each costs a multiple of a row of moments.</summary>
internal sealed class CountingRounder(SegmentRounder rounder) : SegmentRounder
{
    /// <summary>The changes.</summary>
    public long Changes { get; private set; }

    public override BlockFormat Format => rounder.Format;

    public override void FeedErrorsForward(RowSegment segment) => rounder.FeedErrorsForward(segment);

    public override bool ImproveCodes(RowSegment segment)
    {
        bool isChanged = rounder.ImproveCodes(segment);
        if (isChanged)
            Changes += segment.Length - segment.Changes.Count(0);
        return isChanged;
    }

    public override void WriteCodes(RowSegment segment) => rounder.WriteCodes(segment);
}
