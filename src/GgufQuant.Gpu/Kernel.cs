namespace GgufQuant.Gpu;

/// <summary>A kernel by name.</summary>
/// <param name="File">Its file, without extension; kernels of one file are compiled together.</param>
/// <param name="Name">Its name in that file.</param>
internal readonly record struct Kernel(string File, string Name);
