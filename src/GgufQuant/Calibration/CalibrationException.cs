namespace GgufQuant.Calibration;

/// <summary>A calibration cannot be used: the message says why.</summary>
public sealed class CalibrationException : Exception
{
    /// <param name="message">The message.</param>
    /// <param name="innerException">What caused it, if anything.</param>
    public CalibrationException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
