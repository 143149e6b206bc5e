using GgufQuant.Calibration;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>A calibration that stays open while models are processed, but for the moment in which measurements are kept in it.</summary>
internal sealed class OpenCalibration(CalibrationFile file) : IDisposable
{
    /// <summary>The calibration.</summary>
    internal CalibrationFile File { get; private set; } = file;

    /// <summary>Opens a calibration, with progress.</summary>
    /// <exception cref="CalibrationException">The file is not a calibration.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static OpenCalibration Read(StoppableCommand command, string path) =>
        new(command.RunInBackground($"Reading {Formatting.FileName(path)}", (_, token) => CalibrationFile.Open(path, token)));

    /// <summary>Opens a calibration that is given as an importance matrix, with progress.</summary>
    /// <exception cref="CalibrationException">It is an importance matrix without moments.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static OpenCalibration ReadMatrix(StoppableCommand command, string path)
    {
        try
        {
            return Read(command, path);
        }
        catch (Exception exception) when (exception is CalibrationException or GgufFormatException)
        {
            throw new CalibrationException($"Types for a size are chosen with a calibration, which New-QuantCalibration makes and which -ImportanceMatrix takes too. {exception.Message}", exception);
        }
    }

    /// <summary>Keeps measurements in the file; plans made with <see cref="File"/> before can no longer be used.</summary>
    /// <exception cref="IOException">The file cannot be written; it is open again.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written; it is open again.</exception>
    internal void Keep(MeasuredCosts costs, CancellationToken token)
    {
        // Windows does not let an open file be replaced.
        File.Dispose();
        try
        {
            CalibrationFile.Keep(File.Path, costs, token);
        }
        finally
        {
            File = CalibrationFile.Open(File.Path, token);
        }
    }

    public void Dispose() => File.Dispose();
}
