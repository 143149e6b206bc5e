namespace GgufQuant.Shell;

/// <summary>What the process returns where a script does not say it with <c>exit</c>.</summary>
internal static class ExitCodes
{
    public const int Success = 0;

    /// <summary>A terminating error, or a command line whose last command failed.</summary>
    public const int Error = 1;

    /// <summary>EX_USAGE of sysexits.h, as pwsh returns it.</summary>
    public const int BadArguments = 64;

    /// <summary>EX_SOFTWARE of sysexits.h, as pwsh returns it: the module could not be imported.</summary>
    public const int StartFailed = 70;

    /// <summary>Stopped by a signal: 130 for Ctrl+C, 143 for a request to terminate.</summary>
    public static int Signal(int number) => 128 + number;
}
