using GgufQuant.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Imatrix;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Adds inputs of matrix products to moments, and to an importance matrix on the way.</summary>
/// <param name="inputs">The inputs to collect the moments of.</param>
/// <param name="matrix">Adds to the importance matrix; null once it is complete.</param>
/// <param name="threads">Threads to sum with.</param>
internal sealed class MomentObserver(IEnumerable<CalibratedInput> inputs, ImatrixObserver? matrix, int threads) : IActivationObserver
{
    private float[] _rows = [];

    /// <summary>The sums by the name of the input.</summary>
    public IReadOnlyDictionary<string, MomentSums> Sums { get; } =
        inputs.ToDictionary(input => input.Name, input => new MomentSums(input), StringComparer.Ordinal);

    public bool Wants(in MatrixProduct product) => matrix?.Wants(product) == true || IsWanted(product);

    public void Observe(in MatrixProduct product)
    {
        if (matrix?.Wants(product) == true)
            matrix.Observe(product);
        if (!IsWanted(product))
            return;
        int columns = (int)product.InputShape[0];
        int rows = checked((int)MomentRules.RowsOf(product));
        if (_rows.Length < (long)rows * columns)
            _rows = new float[checked(rows * columns)];
        int row = 0;
        for (long i3 = 0; i3 < product.InputShape[3]; i3++)
        {
            for (long i2 = 0; i2 < product.InputShape[2]; i2++)
            {
                for (long i1 = 0; i1 < product.InputShape[1]; i1++)
                    product.InputRow(i1, i2, i3).CopyTo(_rows.AsSpan(columns * row++));
            }
        }
        Sums[product.WeightName].Add(_rows, rows, threads);
    }

    private bool IsWanted(in MatrixProduct product) => Sums.ContainsKey(product.WeightName) && MomentRules.Wants(product);
}
