using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;

namespace GgufQuant.IO;

/// <summary>The 32 hexadecimal digits in the name of a file that is being written, which tell the process that writes it.</summary>
/// <remarks>16 are for the machine, 8 for the process, and 8 are random.</remarks>
internal static class WriterId
{
    private const int MachineDigits = 16;
    private const int ProcessDigits = 8;
    private const int Digits = 32;

    private static readonly string s_machine = IdOfMachine();

    /// <summary>A new one for this process.</summary>
    internal static string Create() => Create(Environment.ProcessId);

    /// <summary>A new one for a process of this machine.</summary>
    internal static string Create(int process) =>
        $"{s_machine}{process:x8}{Random.Shared.GetHexString(Digits - MachineDigits - ProcessDigits, lowercase: true)}";

    /// <summary>Whether a text has the form of one.</summary>
    internal static bool IsValid(ReadOnlySpan<char> text) => text.Length == Digits && Guid.TryParseExact(text, "N", out _);

    /// <summary>Whether the process is known to have ended. That of another machine is not.</summary>
    internal static bool HasEnded(ReadOnlySpan<char> id)
    {
        // Elsewhere, nothing tells machines of the same name apart.
        if (!OperatingSystem.IsLinux() || !id.StartsWith(s_machine) || !int.TryParse(id.Slice(MachineDigits, ProcessDigits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int process))
            return false;
        try
        {
            Process.GetProcessById(process).Dispose();
            return false;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }

    // Not hashed: System.Security.Cryptography would load OpenSSL in the middle of a session's first conversion.
    private static string IdOfMachine()
    {
        try
        {
            // Containers of one machine number their processes separately. The link is such as pid:[4026531836].
            if (OperatingSystem.IsLinux() && new FileInfo("/proc/self/ns/pid").LinkTarget is { } processes)
            {
                ReadOnlySpan<byte> boot = Guid.Parse(File.ReadAllText("/proc/sys/kernel/random/boot_id")).ToByteArray();
                ulong container = ulong.Parse(processes.AsSpan().Trim("pid:[]"), CultureInfo.InvariantCulture);
                return $"{BinaryPrimitives.ReadUInt64LittleEndian(boot) ^ BinaryPrimitives.ReadUInt64LittleEndian(boot[8..]) ^ container:x16}";
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
        }
        // Where the kernel does not tell, no other process is known to be of this machine.
        return Random.Shared.GetHexString(MachineDigits, lowercase: true);
    }
}
