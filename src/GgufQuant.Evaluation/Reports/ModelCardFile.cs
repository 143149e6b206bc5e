using GgufQuant.Catalog;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Reports;

/// <summary>One quantization on a model card.</summary>
/// <param name="Name">The file's name; of a split model, that of the first shard.</param>
/// <param name="Size">Bytes of its shards.</param>
/// <param name="BitsPerWeight">Average bits per weight.</param>
/// <param name="Hashes">The SHA-256 of each shard, in hexadecimal.</param>
public sealed record ModelCardFile(string Name, long Size, double BitsPerWeight, IReadOnlyList<string> Hashes)
{
    /// <summary>The type; null if the file does not tell.</summary>
    public FileType? Type { get; init; }

    /// <summary>The KL divergence from the reference; null if not measured.</summary>
    public MeanEstimate? Divergence { get; init; }

    /// <summary>The name of the importance matrix that it was made with; null if there was none.</summary>
    public string? Matrix { get; init; }

    /// <summary>The text of that matrix; null if it is not recorded.</summary>
    public string? Dataset { get; init; }

    /// <summary>Whether it was rounded with a calibration.</summary>
    public bool IsCalibrated { get; init; }

    /// <summary>Whether every tensor has the type that llama.cpp's selection gives it, so that its type alone says how it was made.</summary>
    public bool IsPlain { get; init; }

    /// <summary>Reads how a file was made from its metadata and tensors.</summary>
    /// <param name="file">The file.</param>
    /// <param name="reference">The model it was made from.</param>
    /// <param name="hashes">The SHA-256 of each shard.</param>
    public static ModelCardFile Read(GgufFile file, GgufFile reference, IReadOnlyList<string> hashes)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(reference);
        ModelInfo info = ModelInfo.Read(file);
        string? matrix = file.Metadata.TryGetString(GgufKeys.QuantizationMatrix, out string? path) ? path : null;
        return new(Path.GetFileName(file.Path), file.Length, info.BitsPerWeight, hashes)
        {
            Type = info.Type,
            Matrix = matrix?.Split('/', '\\')[^1],
            Dataset = file.Metadata.TryGetString(GgufKeys.QuantizationDataset, out string? dataset) ? dataset.Split('/', '\\')[^1] : null,
            IsCalibrated = file.Metadata.Contains(GgufKeys.CalibrationId),
            IsPlain = info.Type is { } type && HasSelectedTypes(file, reference, type, matrix is not null),
        };
    }

    private static bool HasSelectedTypes(GgufFile file, GgufFile reference, FileType type, bool hasImportance)
    {
        try
        {
            return QuantizationPlan.ChooseTypes(reference, type, QuantizationOptions.Default, hasImportance && QuantCatalog.Of(type).Imatrix != ImatrixAdvice.Ignored)
                .All(tensor => file.FindTensor(tensor.Name)?.Type == tensor.Target);
        }
        catch (QuantizationException)
        {
            return false;
        }
    }
}
