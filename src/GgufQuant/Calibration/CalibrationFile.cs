using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Calibration;

/// <summary>A calibration, collected by running a text through a model: the moments of every input, an importance matrix, and tokens to probe with.</summary>
/// <remarks>Moments are read on demand.</remarks>
public sealed class CalibrationFile : IDisposable
{
    // More experts than llama.cpp allows.
    private const int MostMatrices = 4096;

    private const int PieceValues = 4 << 20;

    private readonly GgufFile _file;
    private readonly Dictionary<string, InputMoments> _byWeight;
    private readonly MeasuredCosts[] _costs;

    private CalibrationFile(GgufFile file, Dictionary<string, InputMoments> byWeight, ImatrixFile imatrix)
    {
        _file = file;
        _byWeight = byWeight;
        Imatrix = imatrix;
        Id = Text(file, CalibrationKeys.Id);
        ModelHash = Text(file, CalibrationKeys.ModelHash);
        TextHash = Text(file, CalibrationKeys.TextHash);
        int[] tokens = CalibrationKeys.Array<int>(file, CalibrationKeys.ProbeTokens);
        ProbeTokens = tokens;
        ProbeLength = ReadProbeLength(file, tokens);
        _costs = [MeasuredCosts.Read(file, RoundingMethod.Moments), MeasuredCosts.Read(file, RoundingMethod.Ggml)];
    }

    /// <summary>The full path of the file.</summary>
    public string Path => _file.Path;

    /// <summary>The hash of the moments and of the model, 64 hexadecimal digits.</summary>
    public string Id { get; }

    /// <summary>The hash of the model that the text was run through.</summary>
    public string ModelHash { get; }

    /// <summary>The hash of the text and of how it was cut into chunks.</summary>
    public string TextHash { get; }

    /// <summary>The moments' diagonal, and the columns of the weights without moments, as an importance matrix.</summary>
    public ImatrixFile Imatrix { get; }

    /// <summary>Tokens of a few chunks spread over the text, for measuring what rounding a part of the model costs.</summary>
    public IReadOnlyList<int> ProbeTokens { get; }

    /// <summary>The length of each of these chunks in tokens.</summary>
    public int ProbeLength { get; }

    /// <summary>The costs measured with them so far, of weights rounded in one way.</summary>
    public MeasuredCosts CostsOf(RoundingMethod method) => Array.Find(_costs, costs => costs.Method == method)!;

    /// <summary>The distinct inputs.</summary>
    public IReadOnlyList<InputMoments> Inputs => [.. _byWeight.Values.Distinct()];

    /// <summary>Whether a file's metadata marks it as a calibration.</summary>
    public static bool IsCalibration(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Metadata.TryGetString(GgufKeys.Kind, out string? kind) && kind == CalibrationKeys.Kind;
    }

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="CalibrationException">The file is not a calibration, is of a later version, or is damaged.</exception>
    /// <exception cref="GgufFormatException">The file is not GGUF.</exception>
    /// <exception cref="ImatrixFormatException">Its importance matrix is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public static CalibrationFile Open(string path, CancellationToken token = default)
    {
        GgufFile file = GgufFile.Open(path);
        try
        {
            if (!IsCalibration(file))
                throw new CalibrationException($"'{file.Path}' is not a calibration: its '{GgufKeys.Kind}' is not '{CalibrationKeys.Kind}'.");
            if (!file.Metadata.TryGetUInt64(CalibrationKeys.VersionKey, out ulong version) || version != CalibrationKeys.Version)
                throw CalibrationKeys.Invalid(file, CalibrationKeys.VersionKey, $"only version {CalibrationKeys.Version} can be read");
            return new CalibrationFile(file, ReadInputs(file), ImatrixFile.Open(file.Path, token));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The moments of a weight tensor's input; null if there are none.</summary>
    public InputMoments? Find(string weight) => _byWeight.GetValueOrDefault(weight);

    /// <summary>The moments that a tensor is rounded with; null if there are none, or the rounding uses none.</summary>
    /// <inheritdoc cref="MomentsOf(GgufTensor)" path="/exception"/>
    internal InputMoments? MomentsOf(GgufTensor tensor, RoundingMethod method) => method == RoundingMethod.Moments ? MomentsOf(tensor) : null;

    /// <summary>The moments of a tensor's input; null if there are none.</summary>
    /// <exception cref="CalibrationException">Their number of columns differs from the tensor's.</exception>
    internal InputMoments? MomentsOf(GgufTensor tensor)
    {
        InputMoments? moments = Find(tensor.Name);
        if (moments is not null && moments.Columns != tensor.RowLength)
            throw new CalibrationException($"The calibration '{Path}' has {moments.Columns} columns for tensor '{tensor.Name}', which has {tensor.RowLength}: it is damaged.");
        int matrices = moments?.Matrices.Count ?? 0;
        if (matrices > 0 && tensor.RowCount != tensor.Shape[1] * matrices)
            throw new CalibrationException($"The calibration '{Path}' has moments of {matrices} matrices for tensor '{tensor.Name}', which has {tensor.RowCount / tensor.Shape[1]}: it is damaged.");
        return moments;
    }

    /// <summary>Saves measurements in a calibration. The file is replaced once the new one is complete; its id does not change.</summary>
    /// <param name="path">The file, which must not be open.</param>
    /// <param name="costs">All measured costs.</param>
    /// <param name="token">Cancels it; the file is left unchanged.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public static void Keep(string path, MeasuredCosts costs, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(costs);
        GgufMetadataEditor.Apply(path, costs.ToEntries(), [], null, token);
    }

    /// <summary>Whether this is the model that the text was run through.</summary>
    public bool IsOf(GgufFile model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return ModelFingerprint.Of(model) == ModelHash;
    }

    /// <summary>Checks that this is the model that the text was run through.</summary>
    /// <exception cref="CalibrationException">It is a different model, or has changed since.</exception>
    public void CheckModel(GgufFile model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!IsOf(model))
        {
            throw new CalibrationException(
                $"The calibration '{Path}' does not belong to '{model.Path}': it was made from a different model, from a different type of it, or before the file changed. Make one from this file.");
        }
    }

    /// <summary>Closes the file; moments can no longer be read.</summary>
    public void Dispose() => _file.Dispose();

    private static Dictionary<string, InputMoments> ReadInputs(GgufFile file)
    {
        string[] weights = CalibrationKeys.Array<string>(file, CalibrationKeys.Weights);
        string[] inputs = CalibrationKeys.Array<string>(file, CalibrationKeys.Inputs);
        uint[] widths = CalibrationKeys.Array<uint>(file, CalibrationKeys.Widths);
        if (inputs.Length != weights.Length || widths.Length != weights.Length)
            throw CalibrationKeys.Invalid(file, CalibrationKeys.Inputs, $"{weights.Length} weights have {inputs.Length} inputs and {widths.Length} widths");

        Dictionary<string, InputMoments> byInput = new(StringComparer.Ordinal);
        Dictionary<string, InputMoments> byWeight = new(StringComparer.Ordinal);
        for (int i = 0; i < weights.Length; i++)
        {
            if (!byInput.TryGetValue(inputs[i], out InputMoments? moments))
                byInput.Add(inputs[i], moments = ReadInput(file, inputs[i], widths[i]));
            if (!byWeight.TryAdd(weights[i], moments))
                throw CalibrationKeys.Invalid(file, CalibrationKeys.Weights, $"'{weights[i]}' occurs twice");
        }
        return byWeight;
    }

    private static InputMoments ReadInput(GgufFile file, string name, uint width)
    {
        GgufTensor tokens = Floats(file, name + CalibrationKeys.TokensSuffix);
        GgufTensor moments = Floats(file, name + CalibrationKeys.MomentsSuffix);
        if (tokens.ElementCount is < 2 or > MostMatrices + 1)
            throw Invalid(tokens, file, $"{tokens.ElementCount} values were found where columns and tokens are expected");
        float[] values = Read(file, tokens, 0, (int)tokens.ElementCount, default);
        float columns = values[0];
        float[] counts = values[1..];
        if (!(columns >= 1 && columns <= int.MaxValue / 2) || columns != MathF.Floor(columns) || !(counts.Sum() >= 1) || counts.Any(count => !(count >= 0 && count < 1L << 40)))
            throw Invalid(tokens, file, $"{columns} columns and {string.Join(", ", counts)} tokens are out of range");
        if (width < 1 || width > InputMoments.MostColumns || (width < columns && width % SuperBlock.Size != 0))
            throw CalibrationKeys.Invalid(file, CalibrationKeys.Widths, $"blocks of {width} columns are neither whole nor multiples of {SuperBlock.Size}");

        int blockWidth = (int)Math.Min(width, columns);
        long whole = (long)columns / blockWidth;
        int rest = (int)((long)columns % blockWidth);
        long perMatrix = (whole * InputMoments.HalfLength(blockWidth)) + InputMoments.HalfLength(rest);
        if (moments.ElementCount != counts.Length * perMatrix)
            throw Invalid(moments, file, $"{moments.ElementCount} values were found, but {columns} columns in blocks of {blockWidth} have {counts.Length * perMatrix}");
        InputMoments[] matrices =
        [
            .. counts.Select((count, matrix) => new InputMoments(name, (int)columns, blockWidth, (long)count, (block, token) =>
            {
                long start = (matrix * perMatrix) + (block * InputMoments.HalfLength(blockWidth));
                return Read(file, moments, start, (int)InputMoments.HalfLength(block < whole ? blockWidth : rest), token);
            })),
        ];
        return matrices.Length == 1 ? matrices[0] : new InputMoments(matrices);
    }

    private static int ReadProbeLength(GgufFile file, int[] tokens)
    {
        if (!file.Metadata.TryGetUInt64(CalibrationKeys.ProbeLength, out ulong length) || length is < 1 or > int.MaxValue)
            throw CalibrationKeys.Invalid(file, CalibrationKeys.ProbeLength, "it is missing or not a valid chunk length");
        if (Array.Exists(tokens, token => token < 0))
            throw CalibrationKeys.Invalid(file, CalibrationKeys.ProbeTokens, "a token is negative");
        return (int)length;
    }

    private static float[] Read(GgufFile file, GgufTensor tensor, long first, int count, CancellationToken token)
    {
        float[] values = new float[count];
        for (int done = 0; done < count; done += PieceValues)
        {
            token.ThrowIfCancellationRequested();
            Span<float> piece = values.AsSpan(done, Math.Min(PieceValues, count - done));
            file.Read(tensor, (first + done) * sizeof(float), MemoryMarshal.AsBytes(piece));
        }
        return values;
    }

    private static GgufTensor Floats(GgufFile file, string name)
    {
        GgufTensor tensor = file.FindTensor(name) ?? throw CalibrationKeys.Invalid(file, CalibrationKeys.Inputs, $"tensor '{name}' is missing");
        return tensor.Type == GgmlType.F32 ? tensor : throw Invalid(tensor, file, $"it is {tensor.Format}, but must be f32");
    }

    private static string Text(GgufFile file, string key) =>
        file.Metadata.TryGetString(key, out string? text) ? text : throw CalibrationKeys.Invalid(file, key, "it is missing or has another type");

    private static CalibrationException Invalid(GgufTensor tensor, GgufFile file, string problem) =>
        CalibrationKeys.Invalid(file, $"tensor '{tensor.Name}'", tensor.FileOffset, problem);
}
