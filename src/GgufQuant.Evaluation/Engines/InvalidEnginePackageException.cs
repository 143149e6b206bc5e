namespace GgufQuant.Evaluation.Engines;

/// <summary>A file is not an engine package that this module can use here.</summary>
public sealed class InvalidEnginePackageException(string path, string reason, Exception? inner = null)
    : Exception($"'{path}' cannot be installed: {reason}", inner);
