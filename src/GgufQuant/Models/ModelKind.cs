using GgufQuant.Gguf;

namespace GgufQuant.Models;

/// <summary>What a GGUF file contains.</summary>
public enum ModelKind
{
    /// <summary>A model, or one of its shards.</summary>
    Model,

    /// <summary>An importance matrix, as llama-imatrix writes it.</summary>
    ImportanceMatrix,

    /// <summary>A calibration, as New-QuantCalibration writes it.</summary>
    Calibration,

    /// <summary>A projector, which turns images or audio into a model's input; often named <c>mmproj</c>.</summary>
    Projector,

    /// <summary>A LoRA adapter.</summary>
    Adapter,

    /// <summary>A control vector.</summary>
    ControlVector,
}

/// <summary>Recognizes kinds of files.</summary>
public static class ModelKinds
{
    /// <summary>The kind of a file.</summary>
    /// <remarks>gguf-py's <c>GGUFType</c>; files without <c>general.type</c> are recognized by their contents.</remarks>
    public static ModelKind Of(GgufMetadata metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        return metadata.TryGetString(GgufKeys.Kind, out string? kind) ? Named(kind) ?? ByContent(metadata) : ByContent(metadata);
    }

    /// <summary>The kind of the file at a path; null if it is not GGUF or cannot be read.</summary>
    public static ModelKind? TryRead(string path)
    {
        try
        {
            using GgufFile file = GgufFile.Open(path);
            return Of(file.Metadata);
        }
        catch (Exception exception) when (exception is GgufFormatException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A kind in words, with its article: <c>an importance matrix</c>.</summary>
    public static string Describe(this ModelKind kind) => kind switch
    {
        ModelKind.ImportanceMatrix => "an importance matrix",
        ModelKind.Calibration => "a calibration",
        ModelKind.Projector => "a multimodal projector",
        ModelKind.Adapter => "a LoRA adapter",
        ModelKind.ControlVector => "a control vector",
        _ => "a model",
    };

    private static ModelKind? Named(string kind) => kind switch
    {
        "imatrix" => ModelKind.ImportanceMatrix,
        "calibration" => ModelKind.Calibration,
        "mmproj" => ModelKind.Projector,
        "adapter" => ModelKind.Adapter,
        _ => null,
    };

    private static ModelKind ByContent(GgufMetadata metadata)
    {
        _ = metadata.TryGetString(GgufKeys.Architecture, out string? architecture);
        return architecture switch
        {
            "clip" => ModelKind.Projector,
            "controlvector" => ModelKind.ControlVector,
            null when metadata.Contains(GgufKeys.ImatrixChunkCount) => ModelKind.ImportanceMatrix,
            _ => ModelKind.Model,
        };
    }
}
