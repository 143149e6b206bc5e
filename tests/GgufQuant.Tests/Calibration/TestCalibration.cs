using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using GgufQuant.Calibration;
using GgufQuant.Gguf;

namespace GgufQuant.Tests.Calibration;

/// <summary>Calibrations for models: moments of random inputs, one for each weight or shared as a layer shares them.</summary>
internal static class TestCalibration
{
    private const int Tokens = 512;

    private static readonly ConcurrentDictionary<(string Name, int Columns, int Width, int Seed), float[]> s_moments = new();

    /// <summary>Writes a calibration for a model's matrices.</summary>
    public static void Write(string path, GgufFile model, int width = InputMoments.MostColumns, int seed = 0)
    {
        CalibratedInput[] inputs =
        [
            .. from tensor in model.Tensors
               where tensor.Shape.Length > 1 && tensor.Name != "token_embd.weight"
               group tensor.Name by (Input: InputOf(tensor.Name), Columns: (int)tensor.RowLength) into sharing
               select new CalibratedInput(sharing.First(), sharing.Key.Columns, Math.Min(width, sharing.Key.Columns), [.. sharing]),
        ];
        Dictionary<string, float[]> moments = inputs.ToDictionary(input => input.Name, input => s_moments.GetOrAdd((input.Name, input.Columns, input.Width, seed), _ => MomentsOf(input, seed)));
        CalibratedSums[] sums = [.. inputs.SelectMany(input => input.Weights.Select(weight => new CalibratedSums(weight, DiagonalOf(input, moments[input.Name]), [Tokens])))];
        CalibrationHeader header = new(CalibrationWriter.HashOf(model), "text", ["text.txt"], 2, 256, inputs, sums, [1, 2, 3]);
        using CalibrationWriter writer = new(path, header, overwrite: true);
        foreach (CalibratedInput input in inputs)
            writer.WriteMoments([Tokens], new MemoryStream(MemoryMarshal.AsBytes<float>(moments[input.Name]).ToArray()));
        writer.Commit();
    }

    private static string InputOf(string name) => name.Replace("attn_k", "attn_q").Replace("attn_v", "attn_q").Replace("ffn_up", "ffn_gate");

    private static float[] MomentsOf(CalibratedInput input, int seed)
    {
        int n = input.Columns;
        Random random = new(input.Name.Length + n + seed);
        float[] inputs = new float[Tokens * n];
        for (int i = 0; i < inputs.Length; i++)
            inputs[i] = (float)(random.NextDouble() - 0.5 + (i % n == 0 ? 0 : 0.8 * inputs[i - 1]));
        float[] squares = new float[n * n];
        MatrixKernel.AddProduct(new(inputs, 0, 1, n), new(inputs, 0, n), new(squares, 0, n), n, Tokens, n);
        List<float> half = [];
        for (int i = 0; i < n; i++)
        {
            int end = Math.Min(n, ((i / input.Width) + 1) * input.Width);
            half.AddRange(squares[((i * n) + i)..((i * n) + end)]);
        }
        return [.. half];
    }

    private static float[] DiagonalOf(CalibratedInput input, float[] half)
    {
        float[] diagonal = new float[input.Columns];
        for (int i = 0, at = 0; i < input.Columns; i++)
        {
            diagonal[i] = half[at];
            at += Math.Min(input.Columns, ((i / input.Width) + 1) * input.Width) - i;
        }
        return diagonal;
    }
}
