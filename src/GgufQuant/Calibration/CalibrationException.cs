namespace GgufQuant.Calibration;

/// <summary>A calibration cannot be used: the message says why.</summary>
public sealed class CalibrationException : Exception
{
    /// <param name="message">The message.</param>
    /// <param name="innerException">The cause, if any.</param>
    public CalibrationException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
