using System.Management.Automation;
using GgufQuant.Calibration;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.Gguf;
using GgufQuant.Gpu;
using GgufQuant.Hub;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;
using GgufQuant.Imatrix;
using GgufQuant.IO;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Errors about one model, after which the others are still processed.</summary>
internal static class ModelErrors
{
    private const string PreTokenizerAdvice = "-PreTokenizer of ConvertTo-Gguf and ConvertTo-Quantized takes it.";

    /// <summary>Whether an exception is about the current model rather than about the program.</summary>
    internal static bool IsAboutModel(Exception exception) =>
        exception is GgufFormatException or CalibrationException or ImatrixFormatException or QuantizationException or ModelMismatchException
            or ModelFolderException or UnknownPreTokenizerException or TaskDataException
            or InferenceException or GpuException or InvalidDataException or IOException or UnauthorizedAccessException;

    /// <summary>The error for an exception that <see cref="IsAboutModel"/>.</summary>
    /// <param name="exception">The exception.</param>
    /// <param name="path">The file at hand.</param>
    /// <param name="destination">The file that was being written.</param>
    internal static ErrorRecord ToErrorRecord(this Exception exception, string path, string? destination = null) =>
        Naming(path, Classify(exception, path, destination));

    private static ErrorRecord Classify(Exception exception, string path, string? destination) => exception switch
    {
        GgufFormatException => new(exception, "InvalidGguf", ErrorCategory.InvalidData, path),
        ModelFolderException => new(exception, "InvalidModelFolder", ErrorCategory.InvalidData, path),
        UnknownPreTokenizerException => With(PreTokenizerAdvice, new(exception, "UnknownPreTokenizer", ErrorCategory.InvalidData, path)),
        ImatrixFormatException or InvalidDataException => new(exception, "InvalidImportanceMatrix", ErrorCategory.InvalidData, path),
        CalibrationException => new(exception, "InvalidCalibration", ErrorCategory.InvalidData, path),
        EngineMissingException or EngineVersionException => new(exception, "EngineMissing", ErrorCategory.NotInstalled, path),
        EngineStoppedException { WasSilent: true } silent =>
            With("-EngineTimeoutSeconds extends the timeout.", new(exception, "EngineStopped", ErrorCategory.ResourceUnavailable, silent.Path)),
        EngineStoppedException stopped => new(exception, "EngineStopped", ErrorCategory.ResourceUnavailable, stopped.Path),
        CorpusTooShortException => new(exception, "CorpusTooShort", ErrorCategory.InvalidArgument, path),
        LogitsFormatException => new(exception, "InvalidLogits", ErrorCategory.InvalidData, path),
        TaskDataException => new(exception, "InvalidTaskData", ErrorCategory.InvalidData, path),
        VocabularyMismatchException => new(exception, "DifferentVocabularies", ErrorCategory.InvalidArgument, path),
        InferenceException => new(exception, "CannotRunModel", ErrorCategory.InvalidOperation, path),
        QuantizationException { Remedy: QuantizationRemedy.AllowRequantize } =>
            With("-AllowRequantize allows it.", new(exception, "AlreadyQuantized", ErrorCategory.InvalidOperation, path)),
        QuantizationException { Remedy: QuantizationRemedy.Imatrix } =>
            With("New-ImportanceMatrix computes one for -ImportanceMatrix.", new(exception, "ImportanceMatrixNeeded", ErrorCategory.InvalidOperation, path)),
        QuantizationException => new(exception, "CannotQuantize", ErrorCategory.InvalidOperation, path),
        ModelMismatchException => new(exception, "DifferentModels", ErrorCategory.InvalidArgument, path),
        GpuException => new(exception, "DeviceUnavailable", ErrorCategory.DeviceError, path),
        ServerException => new(exception, "ServerError", ErrorCategory.ConnectionError, path),
        DiskFullException full => new(exception, "DiskFull", ErrorCategory.WriteError, full.Path),
        IOException io when DiskFullException.IsCauseOf(io) => new(exception, "DiskFull", ErrorCategory.WriteError, destination ?? path),
        FileNotFoundException => new(exception, "FileNotFound", ErrorCategory.ObjectNotFound, path),
        UnauthorizedAccessException => new(exception, "AccessDenied", ErrorCategory.PermissionDenied, path),
        _ => new(exception, "FileError", ErrorCategory.ReadError, path),
    };

    /// <summary>The warning for a folder that is read in spite of its vocabulary.</summary>
    internal static string DescribeVocabularyFault(Exception fault) => fault is UnknownPreTokenizerException
        ? $"{fault.Message} {PreTokenizerAdvice}"
        : $"{fault.Message} The model is read without its vocabulary: sizes do not include it, and no GGUF file can be written.";

    /// <summary>The error for a file of a kind that the cmdlet does not accept.</summary>
    internal static ErrorRecord OtherKind(string path, ModelKind kind, ModelKind wanted)
    {
        string advice = kind == ModelKind.ImportanceMatrix ? " Get-ImportanceMatrix shows it." : "";
        return new(
            new ArgumentException($"'{path}' is {kind.Describe()}, not {wanted.Describe()}.{advice}"),
            wanted == ModelKind.ImportanceMatrix ? "NotImportanceMatrix" : "NotModel", ErrorCategory.InvalidArgument, path);
    }

    // Among hundreds of files an error must say which it is about, and a terminal must not obey what a file is called.
    private static ErrorRecord Naming(string path, ErrorRecord error)
    {
        string text = error.ErrorDetails?.Message ?? error.Exception.Message;
        string named = text.Contains(System.IO.Path.GetFileName(path), StringComparison.Ordinal) ? text : $"'{path}': {text}";
        string printable = PrintableText.Escape(named);
        if (printable != text)
            error.ErrorDetails = new(printable);
        return error;
    }

    // Adds what to do in PowerShell to the library's message.
    private static ErrorRecord With(string advice, ErrorRecord error)
    {
        error.ErrorDetails = new($"{error.Exception.Message} {advice}");
        return error;
    }
}
