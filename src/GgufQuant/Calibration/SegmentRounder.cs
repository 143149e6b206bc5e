using GgufQuant.Formats;

namespace GgufQuant.Calibration;

/// <summary>Chooses the codes of a format with the moments of the weights' inputs, scales being given.</summary>
internal abstract class SegmentRounder
{
    private static readonly SegmentRounder[] s_all =
    [
        new LevelRounder(new ScaleMinLevels<Q2_K>()),
        new LevelRounder(new ScaleOnlyLevels<Q3_K>()),
        new LevelRounder(new ScaleMinLevels<Q4_K>()),
        new LevelRounder(new ScaleMinLevels<Q5_K>()),
        new LevelRounder(new ScaleOnlyLevels<Q6_K>()),
        new LevelRounder(new LegacyLevels<Q4_0>()),
        new LevelRounder(new LegacyLevels<Q4_1>()),
        new LevelRounder(new LegacyLevels<Q5_0>()),
        new LevelRounder(new LegacyLevels<Q5_1>()),
        new LevelRounder(new NonlinearCodes<IQ4_NL>()),
        new LevelRounder(new NonlinearCodes<IQ4_XS>()),
        new GridRounder<IQ2_S>(new IQ2_SCodes()),
        new GridRounder<IQ3_S>(new IQ3_SCodes()),
    ];

    /// <summary>The format.</summary>
    public abstract BlockFormat Format { get; }

    /// <summary>The rounder of a type; null where moments are of no use to it.</summary>
    public static SegmentRounder? Find(GgmlType type) => Array.Find(s_all, rounder => rounder.Format.Type == type);

    /// <summary>Rounds column after column, each making up for the errors of those before it.</summary>
    public abstract void FeedErrorsForward(RowSegment segment);

    /// <summary>Changes codes one by one wherever the row's error falls.</summary>
    /// <returns>Whether any code was changed.</returns>
    public abstract bool ImproveCodes(RowSegment segment);

    /// <summary>Writes the codes into the blocks.</summary>
    public abstract void WriteCodes(RowSegment segment);
}
