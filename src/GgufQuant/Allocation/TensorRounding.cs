using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Allocation;

/// <summary>Rounds rows of a tensor as quantizing would, and measures the error in its outputs.</summary>
/// <remarks>
/// H is the calibration's, undamped; for a tensor without moments it is the diagonal given by the importance matrix, or else
/// the identity.
/// </remarks>
internal sealed class TensorRounding
{
    private const int BatchRows = 32;

    // Floats per weight of a batch: read, rounded, their products, and the rounder's state.
    private const int FloatsPerWeight = 8;

    private readonly GgufFile _model;
    private readonly GgufTensor _tensor;
    private readonly RoundingFactor? _factor;
    private readonly float[] _importance;
    private readonly int _columns;
    private readonly long _firstRow;
    private readonly long _rowCount;

    /// <param name="model">The model.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="calibration">Its importance matrix.</param>
    /// <param name="factor">The moments of its input; null if there are none.</param>
    /// <param name="matrix">The index of the matrix to round, if each has a different input.</param>
    /// <param name="matrices">The number of such matrices; 1 if all share an input.</param>
    public TensorRounding(GgufFile model, GgufTensor tensor, CalibrationFile calibration, RoundingFactor? factor, int matrix = 0, int matrices = 1)
    {
        _model = model;
        _tensor = tensor;
        _factor = factor;
        _importance = ImatrixRules.FindEntry(calibration.Imatrix, tensor.Name)?.ReadMeans() ?? [];
        _columns = checked((int)tensor.RowLength);
        _rowCount = tensor.RowCount / matrices;
        _firstRow = matrix * _rowCount;
    }

    /// <summary>The number of rows.</summary>
    public int RowCount => checked((int)_rowCount);

    /// <summary>Memory per thread in bytes.</summary>
    public static long BytesPerThread(long columns) => BatchRows * columns * FloatsPerWeight * sizeof(float);

    /// <summary>Receives a batch of rounded rows.</summary>
    /// <param name="first">The first row of the tensor, if all are rounded.</param>
    /// <param name="rows">Their rounded values.</param>
    public delegate void RoundedRows(long first, ReadOnlySpan<float> rows);

    /// <summary>Rounds an evenly spaced sample of rows.</summary>
    /// <param name="type">The type; null for zeros, whose error is the size of the outputs.</param>
    /// <param name="sample">The number of rows in the sample.</param>
    /// <param name="threads">Threads to use; they do not affect the result.</param>
    /// <param name="take">Receives each batch, on any thread; null if only the error is needed.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="QuantizationException">A weight is not finite, or the type cannot represent it.</exception>
    public OutputError Round(GgmlType? type, int sample, int threads, RoundedRows? take, CancellationToken token)
    {
        double[] errors = new double[sample];
        ParallelLoop.For((sample + BatchRows - 1) / BatchRows, threads, () => new Batch(this, type), (number, batch) =>
        {
            int first = number * BatchRows;
            int rows = Math.Min(BatchRows, sample - first);
            for (int row = 0; row < rows; row++)
                batch.Read(row, RowOf(first + row, sample));
            batch.Round(rows, row => RowOf(first + row, sample), token);
            batch.Measure(rows, row => RowOf(first + row, sample), errors.AsSpan(first, rows));
            take?.Invoke(RowOf(first, sample), batch.Rounded(rows));
            return batch;
        }, token);
        if (Array.Exists(errors, error => !double.IsFinite(error)))
            throw new QuantizationException($"Tensor '{_tensor.Name}' has weights that are not finite, or too large for {(type is { } named ? BlockFormat.Of(named) : "its type")}.");
        return OutputError.Of(errors, _rowCount);
    }

    private long RowOf(int index, int sample) => _firstRow + (long)((Int128)index * _rowCount / sample);

    // Each matrix has separate factors.
    private ReadOnlySpan<float> ImportanceOf(long row)
    {
        if (_importance.Length == 0)
            return [];
        long rowsPerMatrix = _tensor.RowCount / (_importance.Length / _columns);
        return _importance.AsSpan((int)(row / rowsPerMatrix) * _columns, _columns);
    }

    /// <summary>The working memory of a thread.</summary>
    private sealed class Batch
    {
        private readonly TensorRounding _owner;
        private readonly BlockFormat? _format;
        private readonly MomentRounder? _rounder;
        private readonly byte[] _source;
        private readonly byte[] _blocks;
        private readonly float[] _weights;
        private readonly float[] _rounded;
        private readonly float[] _products;

        public Batch(TensorRounding owner, GgmlType? type)
        {
            _owner = owner;
            _format = type is { } target ? BlockFormat.Of(target) : null;
            if (type is { } known && owner._factor is { } factor && SegmentRounder.Find(known) is { } rounder)
                _rounder = new(rounder, factor);
            int weights = BatchRows * owner._columns;
            _source = new byte[owner._tensor.Format.ByteCount(owner._columns)];
            _blocks = new byte[_format?.ByteCount(weights) ?? 0];
            _weights = new float[weights];
            _rounded = new float[weights];
            _products = new float[owner._factor is null ? 0 : weights];
        }

        public ReadOnlySpan<float> Rounded(int rows) => _rounded.AsSpan(0, rows * _owner._columns);

        public void Read(int index, long row)
        {
            BlockFormat source = _owner._tensor.Format;
            _owner._model.Read(_owner._tensor, source.ByteCount(row * _owner._columns), _source);
            source.Dequantize(_source, _weights.AsSpan(index * _owner._columns, _owner._columns));
        }

        public void Round(int rows, Func<int, long> rowOf, CancellationToken token)
        {
            int columns = _owner._columns;
            if (_format is null)
            {
                _rounded.AsSpan().Clear();
                return;
            }
            int rowBytes = (int)_format.ByteCount(columns);
            try
            {
                if (_rounder is not null)
                {
                    _rounder.Quantize(_weights.AsSpan(0, rows * columns), _blocks.AsSpan(0, rows * rowBytes), token);
                }
                else
                {
                    for (int row = 0; row < rows; row++)
                    {
                        token.ThrowIfCancellationRequested();
                        ReadOnlySpan<float> importance = _format.Importance == ImatrixSupport.Ignored ? [] : _owner.ImportanceOf(rowOf(row));
                        _format.Quantize(_weights.AsSpan(row * columns, columns), columns, importance, _blocks.AsSpan(row * rowBytes, rowBytes));
                    }
                }
            }
            catch (ArithmeticException exception)
            {
                throw new QuantizationException($"Tensor '{_owner._tensor.Name}' has weights that are not finite, or too large for {_format}.", exception);
            }
            _format.Dequantize(_blocks.AsSpan(0, rows * rowBytes), _rounded.AsSpan(0, rows * columns));
        }

        // The errors overwrite the weights.
        public void Measure(int rows, Func<int, long> rowOf, Span<double> errors)
        {
            int columns = _owner._columns;
            for (int i = 0; i < rows * columns; i++)
                _weights[i] = _rounded[i] - _weights[i];
            errors.Clear();
            if (_owner._factor is not { } factor)
            {
                for (int row = 0; row < rows; row++)
                    errors[row] = SumOfSquares(_weights.AsSpan(row * columns, columns), _owner.ImportanceOf(rowOf(row)));
                return;
            }
            int first = 0;
            foreach ((FeedbackFactor block, float damping) in factor.Blocks.Zip(factor.DampingOfBlocks))
            {
                for (int row = 0; row < rows; row++)
                    _products.AsSpan((row * columns) + first, block.Size).Clear();
                MatrixKernel.AddProduct(new(_weights, first, columns), new(block.Moments, 0, block.Size), new(_products, first, columns), rows, block.Size, block.Size);
                for (int row = 0; row < rows; row++)
                {
                    double sum = 0;
                    for (int i = (row * columns) + first; i < (row * columns) + first + block.Size; i++)
                        sum += _weights[i] * (_products[i] - ((double)damping * _weights[i]));
                    errors[row] += Math.Max(0, sum);
                }
                first += block.Size;
            }
        }

        private static double SumOfSquares(ReadOnlySpan<float> errors, ReadOnlySpan<float> importance)
        {
            double sum = 0;
            for (int i = 0; i < errors.Length; i++)
                sum += (double)errors[i] * errors[i] * (importance.IsEmpty ? 1 : importance[i]);
            return sum;
        }
    }
}
