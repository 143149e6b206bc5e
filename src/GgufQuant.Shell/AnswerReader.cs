using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;

namespace GgufQuant.Shell;

/// <summary>Reads answers to the engine's questions, from the keyboard or from redirected input.</summary>
internal sealed class AnswerReader(ShellTerminal terminal)
{
    /// <exception cref="HostException">Standard input has ended, so nobody can answer.</exception>
    /// <exception cref="PipelineStoppedException">The answer was Ctrl+C.</exception>
    public string ReadLine(string question)
    {
        terminal.ClearProgress();
        if (terminal.IsInteractive)
            return Typed(new LineEditor(terminal).ReadLine(question));
        terminal.Write(question);
        return Console.In.ReadLine() ?? throw new HostException("The question cannot be answered: standard input has ended.");
    }

    /// <inheritdoc cref="ReadLine"/>
    public SecureString ReadSecret(string question)
    {
        terminal.ClearProgress();
        string text = terminal.IsInteractive
            ? Typed(new LineEditor(terminal) { Mask = '*' }.ReadLine(question))
            : ReadLine(question);
        SecureString secret = new();
        foreach (char c in text)
            secret.AppendChar(c);
        secret.MakeReadOnly();
        return secret;
    }

    private static string Typed(EditedLine line) => line.Text ?? throw new PipelineStoppedException();
}
