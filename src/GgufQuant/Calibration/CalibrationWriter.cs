using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Calibration;

/// <summary>An input whose moments are to be written.</summary>
/// <param name="Name">The first of its weights.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Width">Columns per diagonal block; all of them for whole moments, otherwise a multiple of 256.</param>
/// <param name="Weights">The weights that have this input, including the first.</param>
public sealed record CalibratedInput(string Name, int Columns, int Width, IReadOnlyList<string> Weights)
{
    /// <summary>The number of matrices with separate inputs, such as the down projections of experts; 1 for a shared input.</summary>
    public int Matrices { get; init; } = 1;

    /// <summary>The number of these matrices that a token uses: the experts chosen for it.</summary>
    public int UsesPerToken { get; init; } = 1;

    /// <summary>The number of values in the upper halves of all blocks of all matrices.</summary>
    internal long MomentCount =>
        Matrices * ((Columns / Width * InputMoments.HalfLength(Width)) + InputMoments.HalfLength(Columns % Width));
}

/// <summary>A weight's sums for the importance matrix.</summary>
/// <param name="Weight">The weight tensor.</param>
/// <param name="Squares">Σx² of each column, matrix after matrix.</param>
/// <param name="Counts">The number of input rows seen, for all matrices or for each.</param>
internal sealed record CalibratedSums(string Weight, float[] Squares, float[] Counts);

/// <summary>What a calibration file contains besides moments.</summary>
/// <param name="ModelHash">The model's fingerprint.</param>
/// <param name="TextHash">A hash of the text and of its division into chunks.</param>
/// <param name="Datasets">The texts.</param>
/// <param name="ChunkCount">Chunks of text.</param>
/// <param name="ChunkSize">Tokens per chunk.</param>
/// <param name="Inputs">The inputs, in the order in which their moments are written.</param>
/// <param name="Sums">The importance matrix.</param>
/// <param name="ProbeTokens">Tokens of a few chunks to probe with.</param>
internal sealed record CalibrationHeader(
    string ModelHash,
    string TextHash,
    IReadOnlyList<string> Datasets,
    int ChunkCount,
    int ChunkSize,
    IReadOnlyList<CalibratedInput> Inputs,
    IReadOnlyList<CalibratedSums> Sums,
    int[] ProbeTokens);

/// <summary>Writes a calibration file, which is renamed to its final name once it is complete.</summary>
internal sealed class CalibrationWriter : IDisposable
{
    private const int IdLength = 2 * SHA256.HashSizeInBytes;

    private readonly CalibrationHeader _header;
    private readonly GgufWriter _layout;
    private readonly AtomicFile _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private int _next;

    /// <summary>Begins a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="header">What it contains besides moments.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="IOException">The file exists and may not be replaced, or the disk is full.</exception>
    public CalibrationWriter(string path, CalibrationHeader header, bool overwrite)
    {
        ArgumentNullException.ThrowIfNull(header);
        _header = header;
        _layout = Layout(header, new string('0', IdLength));
        _file = AtomicFile.Create(Path.GetFullPath(path), _layout.Length, overwrite, _layout.WriteHeader);
        _hash.AppendData(Encoding.UTF8.GetBytes(header.ModelHash));
        foreach (CalibratedSums sums in header.Sums)
        {
            WriteTensor(sums.Weight + ImatrixKeys.SumsSuffix, sums.Squares);
            WriteTensor(sums.Weight + ImatrixKeys.CountsSuffix, sums.Counts);
        }
    }

    /// <summary>Products that each token adds to the moments of an input.</summary>
    public static double ProductsPerToken(CalibratedInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return (double)input.MomentCount / input.Matrices * input.UsesPerToken;
    }

    /// <summary>The size of an input's moments in a file, in bytes.</summary>
    public static long BytesFor(CalibratedInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.MomentCount * sizeof(float);
    }

    /// <summary>The fingerprint of a model, for <see cref="CalibrationHeader.ModelHash"/>.</summary>
    public static string HashOf(GgufFile model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return ModelFingerprint.Of(model);
    }

    /// <summary>Writes the moments of the next input.</summary>
    /// <param name="tokens">The number of text positions for each matrix.</param>
    /// <param name="moments">
    /// The upper halves of the blocks of Σ x xᵀ, matrix by matrix, each row from the diagonal on, as 32-bit floats in native byte order.
    /// </param>
    /// <param name="token">Cancels it between two pieces.</param>
    /// <exception cref="InvalidDataException">The stream ends too early.</exception>
    public void WriteMoments(IReadOnlyList<long> tokens, Stream moments, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(moments);
        CalibratedInput input = _header.Inputs[_next++];
        ArgumentOutOfRangeException.ThrowIfNotEqual(tokens.Count, input.Matrices);
        WriteTensor(input.Name + CalibrationKeys.TokensSuffix, [input.Columns, .. tokens]);
        _hash.AppendData(Encoding.UTF8.GetBytes($"{input.Name}|{input.Width}|{string.Join('|', input.Weights)}"));
        long offset = Slot(input.Name + CalibrationKeys.MomentsSuffix).FileOffset;
        float[] buffer = new float[1 << 18];
        for (long left = input.MomentCount; left > 0;)
        {
            token.ThrowIfCancellationRequested();
            Span<float> part = buffer.AsSpan(0, (int)Math.Min(left, buffer.Length));
            if (moments.ReadAtLeast(MemoryMarshal.AsBytes(part), part.Length * sizeof(float), throwOnEndOfStream: false) < part.Length * sizeof(float))
                throw new InvalidDataException($"The moments of '{input.Name}' are incomplete.");
            ReadOnlySpan<byte> bytes = LittleEndian(part);
            _hash.AppendData(bytes);
            _file.Write(offset, bytes);
            offset += bytes.Length;
            left -= part.Length;
        }
    }

    /// <summary>Renames the file to its final name once the moments of all inputs are written.</summary>
    /// <exception cref="IOException">The disk is full, or the destination has been created meanwhile.</exception>
    public void Commit()
    {
        if (_next < _header.Inputs.Count)
            throw new InvalidOperationException($"The moments of '{_header.Inputs[_next].Name}' have not been written.");
        using MemoryStream header = new();
        Layout(_header, Convert.ToHexStringLower(_hash.GetHashAndReset())).WriteHeader(header);
        _file.Write(0, header.GetBuffer().AsSpan(0, (int)header.Length));
        _file.Commit();
    }

    /// <summary>Removes the file unless it was committed.</summary>
    public void Dispose()
    {
        _hash.Dispose();
        _file.Dispose();
    }

    private static GgufWriter Layout(CalibrationHeader header, string id)
    {
        (string Weight, CalibratedInput Input)[] weights = [.. header.Inputs.SelectMany(input => input.Weights.Select(weight => (weight, input)))];
        List<GgufEntry> metadata =
        [
            GgufEntry.Create(GgufKeys.Kind, CalibrationKeys.Kind),
            GgufEntry.Create(CalibrationKeys.VersionKey, CalibrationKeys.Version),
            GgufEntry.Create(CalibrationKeys.Id, id),
            GgufEntry.Create(CalibrationKeys.ModelHash, header.ModelHash),
            GgufEntry.Create(CalibrationKeys.TextHash, header.TextHash),
            GgufEntry.Create(CalibrationKeys.Weights, weights.Select(weight => weight.Weight).ToArray()),
            GgufEntry.Create(CalibrationKeys.Inputs, weights.Select(weight => weight.Input.Name).ToArray()),
            GgufEntry.Create(CalibrationKeys.Widths, weights.Select(weight => (uint)weight.Input.Width).ToArray()),
            GgufEntry.Create(CalibrationKeys.ProbeTokens, header.ProbeTokens),
            GgufEntry.Create(CalibrationKeys.ProbeLength, (uint)header.ChunkSize),
            GgufEntry.Create(ImatrixKeys.Datasets, header.Datasets.ToArray()),
            GgufEntry.Create(ImatrixKeys.ChunkCount, (uint)header.ChunkCount),
            GgufEntry.Create(ImatrixKeys.ChunkSize, (uint)header.ChunkSize),
        ];
        List<GgufTensorInfo> tensors = [];
        foreach (CalibratedSums sums in header.Sums)
        {
            tensors.Add(new(sums.Weight + ImatrixKeys.SumsSuffix, GgmlType.F32, [sums.Squares.Length / sums.Counts.Length, sums.Counts.Length]));
            tensors.Add(new(sums.Weight + ImatrixKeys.CountsSuffix, GgmlType.F32, [1, sums.Counts.Length]));
        }
        foreach (CalibratedInput input in header.Inputs)
        {
            tensors.Add(new(input.Name + CalibrationKeys.TokensSuffix, GgmlType.F32, [1 + input.Matrices]));
            tensors.Add(new(input.Name + CalibrationKeys.MomentsSuffix, GgmlType.F32, [input.MomentCount]));
        }
        return new GgufWriter(metadata, tensors);
    }

    private void WriteTensor(string name, float[] values)
    {
        ReadOnlySpan<byte> bytes = LittleEndian([.. values]);
        _hash.AppendData(bytes);
        _file.Write(Slot(name).FileOffset, bytes);
    }

    private GgufTensor Slot(string name) => _layout.Tensors.First(tensor => tensor.Name == name);

    private static ReadOnlySpan<byte> LittleEndian(Span<float> values)
    {
        Span<int> bits = MemoryMarshal.Cast<float, int>(values);
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(bits, bits);
        return MemoryMarshal.AsBytes(values);
    }
}
