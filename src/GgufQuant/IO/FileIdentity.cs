namespace GgufQuant.IO;

/// <summary>What a file system knows a file by, whatever the spelling of its path.</summary>
/// <param name="Device">The device's or the volume's number.</param>
/// <param name="Number">The file's number on it.</param>
internal readonly record struct FileIdentity(ulong Device, UInt128 Number);
