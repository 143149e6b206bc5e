using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Rounds groups of tensors in a loaded model, one after the other, and measures the effect on its predictions.</summary>
/// <remarks>The model stays loaded and each group is restored, so a group costs one pass over the calibration's few chunks of text.</remarks>
internal sealed class GroupProber : IDisposable
{
    // Predictions with less context mean little.
    private const int FewestTokensBefore = 16;
    private const long MostLogitBytes = 1L << 30;
    private const int PieceBytes = 16 << 20;

    private readonly GgufFile _file;
    private readonly CalibrationFile _calibration;
    private readonly ILanguageModel _model;
    private readonly IEvaluationContext _context;
    private readonly int[][] _chunks;
    private readonly int _firstScored;
    private readonly int _step;
    private readonly int _threads;
    private readonly KeptFactors _factors;
    private readonly RoundingMethod _method;
    private readonly float[][] _expected;

    /// <summary>Loads a model and records its predictions.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="modelPath">The model.</param>
    /// <param name="calibrationPath">Its calibration.</param>
    /// <param name="threads">Threads; 0 for all.</param>
    /// <param name="factorBudget">Bytes of memory for the factors of inputs that groups share.</param>
    /// <param name="method">How tensors are rounded.</param>
    /// <exception cref="CalibrationException">The calibration has no text to probe with, or its tokens are not the model's.</exception>
    /// <exception cref="InferenceException">The engine cannot run the model.</exception>
    public GroupProber(IInferenceEngine engine, string modelPath, string calibrationPath, int threads, long factorBudget, RoundingMethod method = RoundingMethod.Moments)
    {
        _threads = threads > 0 ? threads : Environment.ProcessorCount;
        _factors = new(factorBudget, _threads);
        _method = method;
        _file = GgufFile.Open(modelPath);
        try
        {
            _calibration = CalibrationFile.Open(calibrationPath);
            _model = engine.Load(_file.Path, new() { IsWritable = true }, CancellationToken.None);
            int length = _calibration.ProbeLength;
            int vocabulary = _model.Vocabulary.Count;
            _chunks = [.. _calibration.ProbeTokens.Chunk(length).Where(chunk => chunk.Length == length)];
            if (_chunks.Length == 0 || length < 4 || _calibration.ProbeTokens.Any(token => token >= vocabulary))
                throw new CalibrationException($"The calibration '{calibrationPath}' has no text that the model can be measured on: collect it again with New-QuantCalibration.");
            _firstScored = Math.Min(FewestTokensBefore, length / 2);
            long bytes = (long)_chunks.Length * (length - _firstScored) * vocabulary * sizeof(float);
            _step = (int)(1 + (bytes / MostLogitBytes));
            _context = _model.CreateContext(new() { ContextLength = length, Threads = threads });
            _expected = [.. Enumerable.Range(0, _chunks.Length * ScoredPerChunk).Select(_ => new float[vocabulary])];
            Evaluate((row, logits) => logits.CopyTo(_expected[row]), null);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private delegate void Scored(int row, ReadOnlySpan<float> logits);

    private int ScoredPerChunk => (_calibration.ProbeLength - _firstScored + _step - 1) / _step;

    /// <summary>Rounds a group, measures, and restores it.</summary>
    /// <param name="group">The names of the group's tensors.</param>
    /// <param name="progress">Receives progress about once a second while tensors are rounded, and after each chunk.</param>
    public GroupProbe Measure(IReadOnlyList<string> group, IProgress<WorkProgress>? progress)
    {
        GgufTensor[] tensors =
        [
            .. from name in @group
               where _model.CanOverwrite(name)
               select _file.FindTensor(name) ?? throw new CalibrationException($"'{_file.Path}' has no tensor '{name}'."),
        ];
        if (tensors.Length == 0)
            return new(0, 0);
        try
        {
            double error = Round(tensors, progress);
            double[] divergences = new double[_expected.Length];
            Evaluate((row, logits) => divergences[row] = TokenDistribution.FromLogits(_expected[row]).DivergenceOf(TokenDistribution.FromLogits(logits)), progress);
            return new(Math.Max(0, divergences.Average()), error);
        }
        finally
        {
            foreach (GgufTensor tensor in tensors)
                PutBack(tensor);
        }
    }

    /// <summary>Closes the model.</summary>
    public void Dispose()
    {
        _context?.Dispose();
        _model?.Dispose();
        _calibration?.Dispose();
        _file.Dispose();
    }

    private double Round(GgufTensor[] tensors, IProgress<WorkProgress>? progress)
    {
        string status = "";
        using Timer alive = new(_ => progress?.Report(new(status, 0)), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        double error = 0;
        IGrouping<InputMoments?, GgufTensor>[] inputs = [.. tensors.GroupBy(tensor => _calibration.MomentsOf(tensor, _method))];
        HashSet<InputMoments> needed = [.. inputs.Select(sharing => sharing.Key).OfType<InputMoments>().SelectMany(MatricesOf)];
        foreach (IGrouping<InputMoments?, GgufTensor> sharing in inputs)
        {
            InputMoments?[] matrices = sharing.Key is { } moments ? [.. MatricesOf(moments)] : [null];
            for (int matrix = 0; matrix < matrices.Length; matrix++)
            {
                RoundingFactor? factor = matrices[matrix] is { } own ? _factors.Get(own, needed) : null;
                foreach (GgufTensor tensor in sharing)
                {
                    status = tensor.Name;
                    error += Round(tensor, new(_file, tensor, _calibration, factor, matrix, matrices.Length));
                }
            }
        }
        return error;
    }

    private static IReadOnlyList<InputMoments> MatricesOf(InputMoments moments) => moments.Matrices.Count > 0 ? moments.Matrices : [moments];

    private double Round(GgufTensor tensor, TensorRounding rounding)
    {
        if (ProbeGroup.TypeFor(tensor) is not { } type)
            return 0;
        int columns = (int)tensor.RowLength;
        int rowBytes = (int)tensor.Format.ByteCount(columns);
        return rounding.Round(type, rounding.RowCount, _threads, (first, rows) =>
        {
            byte[] bytes = new byte[rows.Length / columns * rowBytes];
            tensor.Format.Quantize(rows, columns, [], bytes);
            lock (_model)
                _model.Overwrite(tensor.Name, first * rowBytes, bytes);
        }, CancellationToken.None).Value;
    }

    private void PutBack(GgufTensor tensor)
    {
        byte[] piece = new byte[Math.Min(PieceBytes, tensor.ByteCount)];
        for (long done = 0; done < tensor.ByteCount; done += piece.Length)
        {
            Span<byte> part = piece.AsSpan(0, (int)Math.Min(piece.Length, tensor.ByteCount - done));
            _file.Read(tensor, done, part);
            _model.Overwrite(tensor.Name, done, part);
        }
    }

    private void Evaluate(Scored score, IProgress<WorkProgress>? progress)
    {
        int length = _calibration.ProbeLength;
        for (int chunk = 0; chunk < _chunks.Length; chunk++)
        {
            _context.Reset();
            foreach (ChunkBatch batch in ChunkBatch.Cut(length, _context.BatchSize, _firstScored, length - _firstScored))
            {
                _context.Evaluate(_chunks[chunk].AsSpan(batch.Start, batch.Length), batch.Start, batch.FirstScored, CancellationToken.None);
                int row = (batch.Start + batch.FirstScored - _firstScored + _step - 1) / _step;
                int position = _firstScored + (row * _step) - batch.Start;
                int rows = position < batch.Length ? (batch.Length - position + _step - 1) / _step : 0;
                int firstRow = (chunk * ScoredPerChunk) + row;
                ParallelLoop.For(rows, _threads, i => score(firstRow + i, _context.Logits(position + (i * _step))), CancellationToken.None);
            }
            progress?.Report(new($"Chunk {chunk + 1} of {_chunks.Length}", (chunk + 1.0) / _chunks.Length));
        }
    }
}
