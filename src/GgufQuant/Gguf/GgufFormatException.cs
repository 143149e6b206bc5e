using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>A file is not valid GGUF.</summary>
/// <param name="filePath">The file with the field.</param>
/// <param name="field">The field, such as <c>metadata[12] 'tokenizer.ggml.tokens' length</c>.</param>
/// <param name="offset">Where the field starts, in bytes from the start of the file.</param>
/// <param name="problem">What is wrong, as a full sentence without the final period.</param>
public sealed class GgufFormatException(string filePath, string field, long offset, string problem)
    : FileFormatException(filePath, "GGUF", field, offset, problem);
