using System.Buffers.Binary;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Scored predictions as bytes, from which the statistics can be computed again: three little-endian doubles and a byte each.</summary>
internal static class PredictionRecords
{
    /// <summary>Bytes per prediction.</summary>
    internal const int Size = (3 * sizeof(double)) + 1;

    /// <summary>The most bytes of a part, whose row has them as text: PowerShell's remoting receives objects of up to 200 MB.</summary>
    internal const int MaximumBytes = 64 << 20;

    /// <summary>Appends a prediction.</summary>
    internal static void Write(Stream stream, in Prediction prediction)
    {
        Span<byte> record = stackalloc byte[Size];
        BinaryPrimitives.WriteDoubleLittleEndian(record, prediction.Loss);
        BinaryPrimitives.WriteDoubleLittleEndian(record[8..], prediction.ReferenceLoss);
        BinaryPrimitives.WriteDoubleLittleEndian(record[16..], prediction.Divergence);
        record[24] = prediction.SameTop ? (byte)1 : (byte)0;
        stream.Write(record);
    }

    /// <summary>Reads a prediction.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    internal static Prediction Read(ReadOnlySpan<byte> record)
    {
        Prediction prediction = new(
            BinaryPrimitives.ReadDoubleLittleEndian(record),
            BinaryPrimitives.ReadDoubleLittleEndian(record[8..]),
            BinaryPrimitives.ReadDoubleLittleEndian(record[16..]),
            record[24] == 1);
        return double.IsFinite(prediction.Loss) && double.IsFinite(prediction.ReferenceLoss) && double.IsFinite(prediction.Divergence) && record[24] <= 1
            ? prediction
            : throw new InvalidDataException("The records of the predictions are damaged.");
    }
}
