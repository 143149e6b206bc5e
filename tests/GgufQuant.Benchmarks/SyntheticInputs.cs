using System.Runtime.InteropServices;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;

namespace GgufQuant.Benchmarks;

/// <summary>Inputs whose columns depend on each other, as a language model's do: a few strong directions and noise.</summary>
internal static class SyntheticInputs
{
    private const int Directions = 32;

    /// <summary>Makes inputs, position after position.</summary>
    public static float[] Make(int columns, int positions)
    {
        Random random = new(16);
        float[] directions = new float[Directions * columns];
        foreach (ref float value in directions.AsSpan())
            value = (float)KernelInput.Gaussian(random);
        float[] strengths = new float[columns];
        foreach (ref float strength in strengths.AsSpan())
            strength = (float)Math.Exp(0.5 * KernelInput.Gaussian(random));
        float[] inputs = new float[columns * positions];
        for (int position = 0; position < positions; position++)
        {
            Span<float> row = inputs.AsSpan(position * columns, columns);
            foreach (ref float value in row)
                value = (float)(random.NextDouble() - 0.5);
            for (int k = 0; k < Directions; k++)
                MatrixKernel.AddMultiple((float)(KernelInput.Gaussian(random) / (1 + (0.3 * k))), directions.AsSpan(k * columns, columns), row);
            for (int i = 0; i < columns; i++)
                row[i] *= strengths[i];
        }
        return inputs;
    }

    /// <summary>Collected moments, as a calibration's are: they are read from a file whenever they are needed.</summary>
    /// <param name="path">The file to write them to.</param>
    /// <param name="name">The weight that has the input.</param>
    /// <param name="sums">The moments.</param>
    /// <param name="columns">Columns of the input.</param>
    /// <param name="tokens">Positions of text that they are said to be of.</param>
    public static InputMoments Moments(string path, string name, MomentSums sums, int columns, long tokens)
    {
        using (FileStream file = File.Create(path))
            sums.Write(file);
        return new(name, columns, columns, tokens, (_, _) =>
        {
            float[] half = new float[InputMoments.HalfLength(columns)];
            using FileStream file = File.OpenRead(path);
            file.ReadExactly(MemoryMarshal.AsBytes(half.AsSpan()));
            return half;
        });
    }
}
