using GgufQuant.IO;

namespace GgufQuant.Imatrix;

/// <summary>A file is not a valid importance matrix.</summary>
/// <param name="filePath">The file with the field.</param>
/// <param name="field">The invalid field.</param>
/// <param name="offset">Where the field starts, in bytes from the start of the file.</param>
/// <param name="problem">What is wrong, as a full sentence without the final period.</param>
public sealed class ImatrixFormatException(string filePath, string field, long offset, string problem)
    : FileFormatException(filePath, "an importance matrix", field, offset, problem);
