namespace GgufQuant.Evaluation.Engines;

/// <summary>Where an engine's files are.</summary>
/// <param name="Name">Its name, which is its backend: for example <c>Cpu</c> or <c>Cuda12</c>.</param>
/// <param name="AssemblyPath">Full path of the managed assembly; its dependencies are in the same folder.</param>
/// <param name="NativesFolder">Full path of the folder with llama.cpp's libraries.</param>
public sealed record EngineLocation(string Name, string AssemblyPath, string NativesFolder);
