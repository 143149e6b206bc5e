using System.Management.Automation.Language;
using System.Text.RegularExpressions;

namespace GgufQuant.Shell;

/// <summary>The command line: options of the Shell, then a script and the script's own arguments.</summary>
internal sealed partial record ShellArguments
{
    public bool Help { get; private init; }

    /// <summary>PowerShell text to run; null without <c>-Command</c>.</summary>
    public string? Command { get; private init; }

    /// <summary>Path of the script to run; null without one.</summary>
    public string? Script { get; private init; }

    /// <summary>What follows the script.</summary>
    public IReadOnlyList<string> ScriptArguments { get; private init; } = [];

    /// <summary>Path of the manifest to import; null for the one of this checkout.</summary>
    public string? Module { get; private init; }

    /// <exception cref="ArgumentException">An option is unknown or lacks its value.</exception>
    public static ShellArguments Parse(ReadOnlySpan<string> args)
    {
        ShellArguments parsed = new();
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i].ToLowerInvariant())
            {
                case "--help" or "-help" or "-h" or "-?" or "/?":
                    return parsed with { Help = true };
                case "-module":
                    parsed = parsed with { Module = ValueOf(args, i++) };
                    break;
                case "-command" or "-c":
                    // As with pwsh, everything after it is the command.
                    ValueOf(args, i);
                    return parsed with { Command = string.Join(' ', args[(i + 1)..]!) };
                case "-file" or "-f":
                    ValueOf(args, i);
                    return parsed with { Script = args[i + 1], ScriptArguments = [.. args[(i + 2)..]] };
                case ['-', ..]:
                    throw new ArgumentException($"'{args[i]}' is no option of GgufQuant.Shell.");
                default:
                    return parsed with { Script = args[i], ScriptArguments = [.. args[(i + 1)..]] };
            }
        }

        return parsed;
    }

    /// <summary>The call of the script in PowerShell's own words: '-Name', '-Name value', '-Name:value' or a plain value.</summary>
    /// <param name="fullPath">Full path of the script.</param>
    public string CallOfScript(string fullPath) =>
        string.Join(' ', ScriptArguments.Select(AsArgument).Prepend($"& {Quote(fullPath)}"));

    private static string AsArgument(string argument)
    {
        Match match = ParameterPattern.Match(argument);
        if (!match.Success)
            return Quote(argument);
        string name = match.Groups["name"].Value;
        string value = match.Groups["value"].Value;
        return value.Length == 0 || value is "$true" or "$false" ? name + value : name + Quote(value);
    }

    private static string Quote(string text) => $"'{CodeGeneration.EscapeSingleQuotedStringContent(text)}'";

    [GeneratedRegex(@"^(?<name>-[\p{L}_]\w*:?)(?<value>(?<=:).*)?$", RegexOptions.Singleline)]
    private static partial Regex ParameterPattern { get; }

    private static string ValueOf(ReadOnlySpan<string> args, int option) =>
        option + 1 < args.Length
            ? args[option + 1]
            : throw new ArgumentException($"'{args[option]}' needs a value after it.");
}
