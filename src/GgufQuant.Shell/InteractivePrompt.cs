using System.Management.Automation.Language;

namespace GgufQuant.Shell;

/// <summary>The read-run loop: a line, or several where the first leaves a block, string or pipeline open.</summary>
internal sealed class InteractivePrompt(ShellSession session, ShellTerminal terminal)
{
    private const string ContinuationPrompt = ">> ";

    private readonly List<string> _history = [];

    /// <summary>Runs until <c>exit</c> or the end of the input, and returns the exit code.</summary>
    public int Run()
    {
        if (terminal.IsInteractive)
            terminal.Write($"GgufQuant on PowerShell {session.EngineVersion}: the engine's own cmdlets and GgufQuant's. 'exit' leaves.{Environment.NewLine}");
        while (session.ExitCode is null && ReadStatement() is { } statement)
        {
            if (!string.IsNullOrWhiteSpace(statement))
                session.RunInteractive(statement);
        }

        return session.ExitCode ?? ExitCodes.Success;
    }

    /// <summary>A whole statement; empty when it was abandoned, null at the end of the input.</summary>
    private string? ReadStatement()
    {
        string statement = "";
        string prompt = session.Prompt();
        while (true)
        {
            EditedLine line = ReadLine(prompt);
            if (line.Text is null)
                return line.EndOfInput ? null : "";
            Remember(line.Text);
            statement = statement.Length == 0 ? line.Text : $"{statement}\n{line.Text}";
            // An empty line closes a statement that can never be completed.
            if (!IsOpen(statement) || (line.Text.Length == 0 && statement.Length > 0))
                return statement;
            prompt = ContinuationPrompt;
        }
    }

    private void Remember(string line)
    {
        if (line.Length > 0 && (_history.Count == 0 || _history[^1] != line))
            _history.Add(line);
    }

    private EditedLine ReadLine(string prompt)
    {
        if (terminal.IsInteractive)
            return new LineEditor(terminal) { History = _history, Complete = session.Complete }.ReadLine(prompt);
        string? line = Console.In.ReadLine();
        return new EditedLine(line, EndOfInput: line is null);
    }

    private static bool IsOpen(string statement)
    {
        Parser.ParseInput(statement, out _, out ParseError[] errors);
        return errors.Any(error => error.IncompleteInput);
    }
}
