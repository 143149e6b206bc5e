using GgufQuant.Formats;

namespace GgufQuant.Calibration;

/// <summary>Chooses the codes of a format, given the scales and the moments of the inputs.</summary>
internal abstract class SegmentRounder
{
    // Lazy, because the grids' tables take a while to build.
    private static readonly Dictionary<GgmlType, Lazy<SegmentRounder>> s_rounders = new()
    {
        [GgmlType.Q2_K] = new(() => new LevelRounder(new ScaleMinLevels<Q2_K>())),
        [GgmlType.Q3_K] = new(() => new LevelRounder(new ScaleOnlyLevels<Q3_K>())),
        [GgmlType.Q4_K] = new(() => new LevelRounder(new ScaleMinLevels<Q4_K>())),
        [GgmlType.Q5_K] = new(() => new LevelRounder(new ScaleMinLevels<Q5_K>())),
        [GgmlType.Q6_K] = new(() => new LevelRounder(new ScaleOnlyLevels<Q6_K>())),
        [GgmlType.Q4_0] = new(() => new LevelRounder(new LegacyLevels<Q4_0>())),
        [GgmlType.Q4_1] = new(() => new LevelRounder(new LegacyLevels<Q4_1>())),
        [GgmlType.Q5_0] = new(() => new LevelRounder(new LegacyLevels<Q5_0>())),
        [GgmlType.Q5_1] = new(() => new LevelRounder(new LegacyLevels<Q5_1>())),
        [GgmlType.IQ4_NL] = new(() => new LevelRounder(new NonlinearCodes<IQ4_NL>())),
        [GgmlType.IQ4_XS] = new(() => new LevelRounder(new NonlinearCodes<IQ4_XS>())),
        [GgmlType.IQ2_S] = new(() => new GridRounder<IQ2_S>(new IQ2_SCodes())),
        [GgmlType.IQ3_S] = new(() => new GridRounder<IQ3_S>(new IQ3_SCodes())),
    };

    /// <summary>The format.</summary>
    public abstract BlockFormat Format { get; }

    /// <summary>The rounder for a type; null if moments do not help it.</summary>
    public static SegmentRounder? Find(GgmlType type) => s_rounders.GetValueOrDefault(type)?.Value;

    /// <summary>Whether there is a rounder for a type.</summary>
    public static bool Supports(GgmlType type) => s_rounders.ContainsKey(type);

    /// <summary>Rounds column by column, compensating for earlier errors.</summary>
    public abstract void FeedErrorsForward(RowSegment segment);

    /// <summary>Changes single codes as long as that lowers the row's error.</summary>
    /// <returns>Whether any code was changed.</returns>
    public abstract bool ImproveCodes(RowSegment segment);

    /// <summary>Writes the codes into the blocks.</summary>
    public abstract void WriteCodes(RowSegment segment);
}
