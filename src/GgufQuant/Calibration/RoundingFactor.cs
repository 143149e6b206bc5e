using GgufQuant.Models;

namespace GgufQuant.Calibration;

/// <summary>What rounding needs from the moments of an input: a factor per diagonal block, and the columns' importance.</summary>
internal sealed class RoundingFactor
{
    private const float Damping = 0.1f;
    private const float TiedDamping = 0.3f;

    private RoundingFactor(IReadOnlyList<FeedbackFactor> blocks, IReadOnlyList<float> damping, float[] importance)
    {
        Blocks = blocks;
        DampingOfBlocks = damping;
        Importance = importance;
    }

    /// <summary>The diagonal blocks in the order of the columns.</summary>
    public IReadOnlyList<FeedbackFactor> Blocks { get; }

    /// <summary>The damping added to the diagonal of each block.</summary>
    public IReadOnlyList<float> DampingOfBlocks { get; }

    /// <summary>The moments' diagonal: the importance of each column.</summary>
    public float[] Importance { get; }

    /// <summary>Columns.</summary>
    public int Columns => Importance.Length;

    /// <summary>The size of an input's factor in bytes.</summary>
    public static long BytesFor(InputMoments moments) =>
        Enumerable.Range(0, moments.BlockCount).Sum(block => FeedbackFactor.BytesFor(moments.SizeOf(block)));

    /// <summary>Its peak size during construction, in bytes: reading the upper half briefly takes a quarter more.</summary>
    public static long PeakBytesFor(InputMoments moments) => BytesFor(moments) / 4 * 5;

    /// <summary>Reads moments, damps them and factorizes them.</summary>
    /// <param name="moments">The moments.</param>
    /// <param name="threads">Threads to use; the factor does not depend on it.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="CalibrationException">They are not finite, or not positive definite.</exception>
    public static RoundingFactor Create(InputMoments moments, int threads, CancellationToken token)
    {
        List<FeedbackFactor> blocks = [];
        List<float> damping = [];
        float[] importance = new float[moments.Columns];
        float shrinkage = Shrinkage(moments);
        for (int block = 0; block < moments.BlockCount; block++)
        {
            int size = moments.SizeOf(block);
            float[] means = moments.ReadMeans(block, token);
            double trace = 0;
            for (int i = 0; i < size; i++)
            {
                float mean = means[(i * size) + i];
                if (!float.IsFinite(mean) || mean < 0)
                    throw new CalibrationException($"The moments of '{moments.Name}' have {mean} in column {(block * moments.Width) + i}, which is not a mean of squares.");
                importance[(block * moments.Width) + i] = mean;
                trace += mean;
            }
            // An input that was always zero says nothing, so all columns count the same.
            float added = trace > 0 ? (float)(DampingOf(moments) * trace / size) : 1;
            for (int i = 0; i < size; i++)
            {
                Span<float> row = means.AsSpan(i * size, size);
                float mean = row[i];
                for (int j = 0; j < size; j++)
                    row[j] *= shrinkage;
                row[i] = mean + added;
                importance[(block * moments.Width) + i] += added;
            }
            damping.Add(added);
            blocks.Add(FeedbackFactor.TryCreate(means, size, threads, token)
                ?? throw new CalibrationException($"The moments of '{moments.Name}' are not positive definite: the calibration is damaged."));
        }
        return new RoundingFactor(blocks, damping, importance);
    }

    // Damping of the diagonal, as a share of its mean. It keeps the matrix positive definite in single precision, and keeps
    // rounding from trusting directions that hardly occur in the text. Tied embeddings are also looked up, and there every
    // direction counts.
    private static float DampingOf(InputMoments moments) => moments.Name == TensorNames.TokenEmbedding ? TiedDamping : Damping;

    // Correlations estimated from few positions are mostly noise.
    private static float Shrinkage(InputMoments moments) => (float)(moments.Tokens / (moments.Tokens + (0.5 * moments.Width)));
}
