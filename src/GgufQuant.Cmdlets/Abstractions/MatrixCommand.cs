using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A cmdlet that reads importance matrices.</summary>
public abstract class MatrixCommand : PathCommand
{
    /// <summary>Whether a file may be a matrix: it is not GGUF, as in the older format, or is one by what it holds, as a calibration is too. Others are passed over.</summary>
    private protected bool IsMatrix(string path)
    {
        if (ModelKinds.TryRead(path) is not ModelKind kind || kind is ModelKind.ImportanceMatrix or ModelKind.Calibration)
            return true;
        PassOver(path, kind, ModelKind.ImportanceMatrix);
        return false;
    }
}
