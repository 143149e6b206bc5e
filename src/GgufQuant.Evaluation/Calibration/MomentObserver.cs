using GgufQuant.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Imatrix;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Adds inputs of matrix products to moments, and to an importance matrix.</summary>
/// <param name="inputs">The inputs to collect the moments of.</param>
/// <param name="matrix">Collects the importance matrix; null once it is complete.</param>
/// <param name="threads">Threads to sum with.</param>
internal sealed class MomentObserver(IEnumerable<CalibratedInput> inputs, ImatrixObserver? matrix, int threads) : IActivationObserver
{
    private float[] _rows = [];

    /// <summary>The sums of each matrix by the name of the input.</summary>
    public IReadOnlyDictionary<string, MomentSums[]> Sums { get; } = inputs.ToDictionary(
        input => input.Name, input => Enumerable.Range(0, input.Matrices).Select(_ => new MomentSums(input)).ToArray(), StringComparer.Ordinal);

    public bool Wants(in MatrixProduct product) => matrix?.Wants(product) == true || IsWanted(product);

    public void Observe(in MatrixProduct product)
    {
        if (matrix?.Wants(product) == true)
            matrix.Observe(product);
        if (!IsWanted(product))
            return;
        MomentSums[] sums = Sums[product.WeightName];
        long size = MomentRules.RowsOf(product) * product.InputShape[0];
        if (_rows.Length < size)
            _rows = new float[checked((int)size)];
        if (MomentRules.MatricesOf(product) == 1)
            AddShared(product, sums[0]);
        else
            AddOwn(product, sums);
    }

    private void AddShared(in MatrixProduct product, MomentSums sums)
    {
        int columns = (int)product.InputShape[0];
        int row = 0;
        for (long i3 = 0; i3 < product.InputShape[3]; i3++)
        {
            for (long i2 = 0; i2 < product.InputShape[2]; i2++)
            {
                for (long i1 = 0; i1 < product.InputShape[1]; i1++)
                    product.InputRow(i1, i2, i3).CopyTo(_rows.AsSpan(columns * row++));
            }
        }
        sums.Add(_rows, row, threads);
    }

    // The rows routed to each expert, in the order of the text.
    private void AddOwn(in MatrixProduct product, MomentSums[] sums)
    {
        int columns = (int)product.InputShape[0];
        List<(long Token, int Slot)>?[] chosen = new List<(long, int)>?[sums.Length];
        for (long token = 0; token < product.InputShape[2]; token++)
        {
            for (int slot = 0; slot < product.SelectedExperts; slot++)
            {
                int expert = product.SelectedExpert(slot, token);
                if ((uint)expert >= (uint)sums.Length)
                    throw new InferenceException($"'{product.WeightName}' has {sums.Length} experts, but number {expert} was selected.");
                (chosen[expert] ??= []).Add((token, slot));
            }
        }
        for (int expert = 0; expert < sums.Length; expert++)
        {
            int row = 0;
            foreach ((long token, int slot) in chosen[expert] ?? [])
                product.InputRow(slot % product.InputShape[1], token, 0).CopyTo(_rows.AsSpan(columns * row++));
            if (row > 0)
                sums[expert].Add(_rows, row, threads);
        }
    }

    private bool IsWanted(in MatrixProduct product) => Sums.ContainsKey(product.WeightName) && MomentRules.Wants(product);
}
