using System.Runtime.InteropServices;

namespace GgufQuant.Shell;

/// <summary>Whether the console understands escape sequences.</summary>
internal static partial class VirtualTerminal
{
    private const int OutputHandle = -11;
    private const int ErrorHandle = -12;
    private const uint EnableProcessing = 0x0004;

    /// <summary>Switches escape sequences on where that is needed (Windows) and returns whether they can be used.</summary>
    public static bool Enable()
    {
        if (!OperatingSystem.IsWindows())
            return Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        bool output = EnableFor(OutputHandle);
        bool error = EnableFor(ErrorHandle);
        return output || error;
    }

    private static bool EnableFor(int standardHandle)
    {
        nint handle = GetStdHandle(standardHandle);
        return GetConsoleMode(handle, out uint mode) && SetConsoleMode(handle, mode | EnableProcessing);
    }

    [LibraryImport("kernel32.dll")]
    private static partial nint GetStdHandle(int standardHandle);

    [LibraryImport("kernel32.dll")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetConsoleMode(nint handle, out uint mode);

    [LibraryImport("kernel32.dll")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetConsoleMode(nint handle, uint mode);
}
