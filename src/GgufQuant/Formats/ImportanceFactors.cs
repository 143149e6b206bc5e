using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The factor of each weight's error in a batch of super-blocks, from the importance of its column.</summary>
internal static class ImportanceFactors<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    /// <summary>The importance itself.</summary>
    /// <param name="count">Super-blocks in the batch; factors beyond them become zero.</param>
    /// <param name="first">The number of the batch's first super-block.</param>
    /// <param name="rowLength">Weights per row.</param>
    /// <param name="importance">One factor per column.</param>
    /// <param name="factors">Receives one factor per weight, for one super-block per lane.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(int count, int first, int rowLength, ReadOnlySpan<float> importance, Span<float> factors)
    {
        for (int b = 0; b < count; b++)
            importance.Slice(Column(first + b, rowLength), SuperBlock.Size).CopyTo(factors[(b * SuperBlock.Size)..]);
        factors[(count * SuperBlock.Size)..].Clear();
    }

    /// <summary>The importance times <c>√(varianceFactor · mean square of the super-block + weight²)</c>.</summary>
    /// <param name="batch">The weights of one super-block per lane.</param>
    /// <param name="varianceFactor">The factor of the mean square.</param>
    /// <param name="count">As for <see cref="Copy"/>.</param>
    /// <param name="first">As for <see cref="Copy"/>.</param>
    /// <param name="rowLength">As for <see cref="Copy"/>.</param>
    /// <param name="importance">As for <see cref="Copy"/>.</param>
    /// <param name="factors">As for <see cref="Copy"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void WithVariance(
        ReadOnlySpan<float> batch, float varianceFactor,
        int count, int first, int rowLength, ReadOnlySpan<float> importance, Span<float> factors)
    {
        Span<float> variances = stackalloc float[TF.Count];
        Transposition.Run(in batch[0], TF.Count, SuperBlock.Size, ref factors[0]);
        TF sum = TF.Broadcast(0);
        for (int e = 0; e < SuperBlock.Size; e++)
        {
            TF weight = TF.Load(in factors[e * TF.Count]);
            sum += weight * weight;
        }
        (TF.Broadcast(varianceFactor) * sum / TF.Broadcast(SuperBlock.Size)).Store(ref variances[0]);

        for (int b = 0; b < count; b++)
        {
            TF variance = TF.Broadcast(variances[b]);
            ReadOnlySpan<float> columns = importance.Slice(Column(first + b, rowLength), SuperBlock.Size);
            ReadOnlySpan<float> weights = batch.Slice(b * SuperBlock.Size, SuperBlock.Size);
            ref float factor = ref factors[b * SuperBlock.Size];
            for (int e = 0; e < SuperBlock.Size; e += TF.Count)
            {
                TF weight = TF.Load(in weights[e]);
                (TF.Load(in columns[e]) * TF.Sqrt(variance + (weight * weight))).Store(ref Unsafe.Add(ref factor, e));
            }
        }
        factors[(count * SuperBlock.Size)..].Clear();
    }

    private static int Column(int superBlock, int rowLength) => superBlock % (rowLength / SuperBlock.Size) * SuperBlock.Size;
}
