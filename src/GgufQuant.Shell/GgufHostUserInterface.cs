using System.Collections;
using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace GgufQuant.Shell;

/// <summary>What the engine shows and asks.</summary>
internal sealed class GgufHostUserInterface(ShellTerminal terminal) : PSHostUserInterface
{
    private readonly AnswerReader _answers = new(terminal);

    public override PSHostRawUserInterface RawUI { get; } = new GgufHostRawUserInterface(terminal);

    public override bool SupportsVirtualTerminal => terminal.OutputHasColor;

    public override void Write(string value) => terminal.Write(value);

    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value)
    {
        string colors = PSStyle.MapForegroundColorToEscapeSequence(foregroundColor) + PSStyle.MapBackgroundColorToEscapeSequence(backgroundColor);
        terminal.Write($"{colors}{value}{PSStyle.Instance.Reset}");
    }

    public override void WriteLine(string value) => terminal.Write(value + Environment.NewLine);

    public override void WriteErrorLine(string value)
    {
        if (!string.IsNullOrEmpty(value))
            terminal.WriteErrorLine(value);
    }

    public override void WriteWarningLine(string message) => WriteStyled(FormatStyle.Warning, "WARNING", message);

    public override void WriteVerboseLine(string message) => WriteStyled(FormatStyle.Verbose, "VERBOSE", message);

    public override void WriteDebugLine(string message) => WriteStyled(FormatStyle.Debug, "DEBUG", message);

    public override void WriteProgress(long sourceId, ProgressRecord record) => terminal.ShowProgress(record);

    public override string ReadLine() => _answers.ReadLine("");

    public override SecureString ReadLineAsSecureString() => _answers.ReadSecret("");

    public override Dictionary<string, PSObject> Prompt(
        string caption, string message, Collection<FieldDescription> descriptions)
    {
        WriteHeading(caption, message);
        return descriptions.ToDictionary(
            field => field.Name,
            field => PSObject.AsPSObject(AskFor(field)),
            StringComparer.OrdinalIgnoreCase);
    }

    public override int PromptForChoice(
        string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice)
    {
        WriteHeading(caption, message);
        ChoicePrompt prompt = new(choices, defaultChoice);
        while (true)
        {
            string answer = _answers.ReadLine(prompt.Question);
            if (answer == ChoicePrompt.HelpKey)
                WriteLine(prompt.Help);
            else if (prompt.Find(answer) is { } choice)
                return choice;
        }
    }

    public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName)
    {
        WriteHeading(caption, message);
        string user = string.IsNullOrEmpty(userName) ? _answers.ReadLine("User: ") : userName;
        return new PSCredential(user, _answers.ReadSecret($"Password for user {user}: "));
    }

    public override PSCredential PromptForCredential(
        string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) =>
        PromptForCredential(caption, message, userName, targetName);

    private void WriteHeading(string caption, string message)
    {
        if (!string.IsNullOrEmpty(caption))
            WriteLine($"{GetFormatStyleString(FormatStyle.FormatAccent)}{caption}{PSStyle.Instance.Reset}");
        if (!string.IsNullOrEmpty(message))
            WriteLine(message);
    }

    // Messages for the person go to standard error: standard output stays clean for programs.
    private void WriteStyled(FormatStyle style, string label, string message) =>
        terminal.WriteErrorLine($"{GetFormatStyleString(style)}{label}: {message}{PSStyle.Instance.Reset}");

    private object? AskFor(FieldDescription field)
    {
        string label = string.IsNullOrEmpty(field.Label) ? field.Name : field.Label.Replace("&", "", StringComparison.Ordinal);
        Type type = Type.GetType(field.ParameterAssemblyFullName) ?? typeof(string);
        if (type == typeof(SecureString))
            return _answers.ReadSecret($"{label}: ");
        if (type == typeof(string) || !typeof(IList).IsAssignableFrom(type))
            return LanguagePrimitives.ConvertTo(_answers.ReadLine($"{label}: "), type);

        List<string> values = [];
        while (_answers.ReadLine($"{label}[{values.Count}]: ") is { Length: > 0 } value)
            values.Add(value);
        return LanguagePrimitives.ConvertTo(values.ToArray(), type);
    }
}
