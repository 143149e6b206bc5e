namespace GgufQuant.Shell;

/// <summary>What <c>--help</c> prints.</summary>
internal static class ShellHelp
{
    public const string Text = """
        GgufQuant.Shell runs PowerShell scripts that use the GgufQuant module, on machines without PowerShell.

        Usage:
          GgufQuant.Shell [-Module <path>] <script.ps1> [arguments]
          GgufQuant.Shell [-Module <path>] -Command <text>
          GgufQuant.Shell [-Module <path>]                  a prompt; 'exit' leaves it

        Options:
          -File, -f      the script to run, where its name could be taken for an option
          -Command, -c   the text to run: everything after it
          -Module        the module manifest to import (default: GgufQuant.psd1 of this checkout)
          -Help, -h      this text

        The engine inside is PowerShell's own, version 7.6. It has the engine's own cmdlets only, such as
        Where-Object, ForEach-Object, Get-Command, Get-Help and Import-Module, beside those of GgufQuant.
        The cmdlets that PowerShell's installation adds (Select-Object, Sort-Object, Format-Table, Get-ChildItem,
        Write-Host, ...) are not here: install PowerShell 7.6 to use the module with them.

        Exit codes: the script's own 'exit N'; 0; 1 after a terminating error or where the last command of -Command
        failed (a failed program's own code); 64 for wrong arguments; 70 if the module cannot be imported;
        130 after Ctrl+C.

        """;
}
