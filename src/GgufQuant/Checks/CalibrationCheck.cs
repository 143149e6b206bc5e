using GgufQuant.Calibration;
using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Checks a calibration, which only GgufQuant reads.</summary>
internal static class CalibrationCheck
{
    public static IEnumerable<GgufFinding> Run(GgufFile file)
    {
        try
        {
            CalibrationFile.Open(file.Path).Dispose();
            return [];
        }
        catch (CalibrationException exception)
        {
            return [new(FindingSeverity.Error, GgufKeys.Kind, exception.Message)];
        }
        catch (Imatrix.ImatrixFormatException exception)
        {
            return [new(FindingSeverity.Error, exception.Field, exception.Message)];
        }
    }
}
