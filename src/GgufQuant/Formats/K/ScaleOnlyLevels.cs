using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>ggml's <c>make_q3_quants</c> as it stands there, for one sub-block's levels; <see cref="ScaleOnlyDescent{TF, TI}"/> finds scales.</summary>
internal static class ScaleOnlyLevels
{
    private const int MaxPasses = 5;

    /// <summary>Finds the levels of one sub-block.</summary>
    /// <param name="weights">Its weights.</param>
    /// <param name="range">Levels range from minus this to this minus one.</param>
    /// <param name="levels">Receives the levels with <paramref name="range"/> added; zero if the weights are negligible.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Find(ReadOnlySpan<float> weights, int range, Span<byte> levels)
    {
        float extreme = 0;
        foreach (float weight in weights)
        {
            if (MathF.Abs(weight) > MathF.Abs(extreme))
                extreme = weight;
        }
        levels.Clear();
        if (MathF.Abs(extreme) < SuperBlock.Negligible)
            return;

        Span<int> found = stackalloc int[weights.Length];
        float inverse = -range / extreme;
        float products = 0;
        float squares = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            found[i] = Clamp(inverse * weights[i], range);
            float factor = weights[i] * weights[i];
            products += factor * weights[i] * found[i];
            squares += factor * found[i] * found[i];
        }
        for (int pass = 0; pass < MaxPasses && Improve(weights, range, found, ref products, ref squares); pass++)
        {
        }
        for (int i = 0; i < weights.Length; i++)
            levels[i] = (byte)(found[i] + range);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Improve(ReadOnlySpan<float> weights, int range, Span<int> found, ref float products, ref float squares)
    {
        bool changed = false;
        for (int i = 0; i < weights.Length; i++)
        {
            float factor = weights[i] * weights[i];
            float newProducts = products - (factor * weights[i] * found[i]);
            if (!(newProducts > 0))
                continue;
            float newSquares = squares - (factor * found[i] * found[i]);
            int level = Clamp(weights[i] * newSquares / newProducts, range);
            if (level == found[i])
                continue;
            newProducts += factor * weights[i] * level;
            newSquares += factor * level * level;
            if (newSquares > 0 && newProducts * newProducts * squares > products * products * newSquares)
            {
                found[i] = level;
                products = newProducts;
                squares = newSquares;
                changed = true;
            }
        }
        return changed;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Clamp(float value, int range) => Math.Clamp(ScalarMath.NearestInt(value), -range, range - 1);
}
