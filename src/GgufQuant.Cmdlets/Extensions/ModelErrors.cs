using System.Management.Automation;
using GgufQuant.Comparison;
using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>What goes wrong with one model, as an error that lets the others go on.</summary>
internal static class ModelErrors
{
    /// <summary>Whether an exception is about the model at hand rather than about the program.</summary>
    internal static bool IsAboutModel(Exception exception) =>
        exception is GgufFormatException or QuantizationException or ModelMismatchException or IOException or UnauthorizedAccessException;

    /// <summary>The error for an exception that <see cref="IsAboutModel"/>.</summary>
    internal static ErrorRecord ToErrorRecord(this Exception exception, string path) => exception switch
    {
        GgufFormatException => new(exception, "InvalidGguf", ErrorCategory.InvalidData, path),
        QuantizationException => new(exception, "CannotQuantize", ErrorCategory.InvalidOperation, path),
        ModelMismatchException => new(exception, "DifferentModels", ErrorCategory.InvalidArgument, path),
        FileNotFoundException => new(exception, "FileNotFound", ErrorCategory.ObjectNotFound, path),
        UnauthorizedAccessException => new(exception, "AccessDenied", ErrorCategory.PermissionDenied, path),
        _ => new(exception, "FileError", ErrorCategory.ReadError, path),
    };
}
