using System.Text;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Planning;

/// <summary>The metadata that llama.cpp's quantizer writes: the source's in order, followed by its own entries.</summary>
/// <remarks>llama.cpp's <c>llama_model_quantize_impl</c>.</remarks>
internal static class PlannedMetadata
{
    // ggml's GGML_QNT_VERSION.
    private const uint QuantizationVersion = 2;

    /// <summary>Rejects entries that must not be set.</summary>
    /// <exception cref="QuantizationException">The message says which and why.</exception>
    internal static void Check(IReadOnlyList<GgufEntry> added)
    {
        try
        {
            GgufSplit.ThrowIfReserved(added.Select(entry => entry.Key));
            _ = new GgufWriter(added, []);
        }
        catch (ArgumentException exception)
        {
            throw new QuantizationException(exception.Message, exception);
        }
    }

    /// <param name="source">The source.</param>
    /// <param name="fileType">The entry that names the file type.</param>
    /// <param name="options">What is added or replaced.</param>
    /// <param name="pruning">The layers that are pruned.</param>
    internal static IEnumerable<GgufEntry> Of(GgufFile source, GgufEntry fileType, QuantizationOptions options, LayerPruning pruning)
    {
        IEnumerable<GgufEntry> entries = source.Metadata.Where(entry => !GgufSplit.IsKey(entry.Key));
        entries = With(entries, [GgufEntry.Create(GgufKeys.QuantizationVersion, QuantizationVersion)]);
        entries = With(entries, [fileType]);
        foreach (GgufEntry entry in options.Metadata)
            entries = With(entries, [entry]);
        // The calibration's id implies its matrix, and keeps the file no larger than one with that matrix.
        entries = With(entries, options.Calibration is { } calibration ? [GgufEntry.Create(GgufKeys.CalibrationId, calibration.Id)] : [.. Of(options.Imatrix)]);
        if (options.PruneLayers.Count > 0 && source.Metadata.TryGetString(GgufKeys.Architecture, out string? architecture))
            entries = With(entries, [BlockCount(architecture, pruning.Remaining)]);
        return entries;
    }

    private static GgufEntry BlockCount(string architecture, int layers)
    {
        try
        {
            return GgufEntry.Create(GgufKeys.BlockCount(architecture), (uint)layers);
        }
        catch (ArgumentException exception)
        {
            throw new QuantizationException($"'{GgufKeys.Architecture}' names no architecture, so layers cannot be pruned: {exception.Message}", exception);
        }
    }

    /// <summary>The entries with some appended, replacing those with the same keys.</summary>
    internal static IEnumerable<GgufEntry> With(IEnumerable<GgufEntry> entries, IReadOnlyCollection<GgufEntry> added)
    {
        HashSet<string> keys = [.. added.Select(entry => entry.Key)];
        return entries.Where(entry => !keys.Contains(entry.Key)).Concat(added);
    }

    private static IEnumerable<GgufEntry> Of(ImatrixFile? matrix)
    {
        if (matrix is not { Entries.Count: > 0 })
            yield break;
        yield return GgufEntry.Create(GgufKeys.QuantizationMatrix, Shortened(matrix.Path));
        if (matrix.Datasets.Count > 0)
            yield return GgufEntry.Create(GgufKeys.QuantizationDataset, Shortened(matrix.Datasets[0]));
        yield return GgufEntry.Create("quantize.imatrix.entries_count", (uint)matrix.Entries.Count);
        if (matrix.ChunkCount > 0)
            yield return GgufEntry.Create("quantize.imatrix.chunks_count", (uint)matrix.ChunkCount);
    }

    // llama-quantize passes these strings in 128-byte fields.
    private static string Shortened(string text)
    {
        const int MaxBytes = 127;
        int length = text.Length;
        while (Encoding.UTF8.GetByteCount(text.AsSpan(0, length)) > MaxBytes || (length > 0 && char.IsHighSurrogate(text[length - 1])))
            length--;
        return text[..length];
    }
}
