using GgufQuant.Calibration;

namespace GgufQuant.Tests.Calibration;

/// <summary>Inputs whose columns depend on each other, as a language model's do, and their moments.</summary>
internal static class CorrelatedInputs
{
    /// <summary>Moments of inputs that a few strong directions and noise make up.</summary>
    public static InputMoments Moments(int columns, int width, int tokens = 4096, int seed = 1)
    {
        float[] inputs = Make(columns, tokens, seed);
        return new InputMoments("blk.0.attn_q.weight", columns, width, tokens, (block, _) =>
        {
            int first = block * Math.Min(width, columns);
            int size = Math.Min(width, columns - first);
            List<float> half = [];
            for (int i = first; i < first + size; i++)
            {
                for (int j = i; j < first + size; j++)
                {
                    double sum = 0;
                    for (int token = 0; token < tokens; token++)
                        sum += (double)inputs[(token * columns) + i] * inputs[(token * columns) + j];
                    half.Add((float)sum);
                }
            }
            return [.. half];
        });
    }

    private static float[] Make(int columns, int tokens, int seed)
    {
        const int Directions = 24;
        Random random = new(seed);
        double[] directions = [.. Enumerable.Range(0, Directions * columns).Select(_ => Gaussian(random))];
        double[] strengths = [.. Enumerable.Range(0, columns).Select(_ => Math.Exp(0.5 * Gaussian(random)))];
        float[] inputs = new float[tokens * columns];
        double[] state = new double[Directions];
        for (int token = 0; token < tokens; token++)
        {
            for (int k = 0; k < Directions; k++)
                state[k] = Gaussian(random) / (1 + (0.3 * k));
            for (int i = 0; i < columns; i++)
            {
                double value = 0.5 * Gaussian(random);
                for (int k = 0; k < Directions; k++)
                    value += state[k] * directions[(k * columns) + i];
                inputs[(token * columns) + i] = (float)(value * strengths[i]);
            }
        }
        return inputs;
    }

    private static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
