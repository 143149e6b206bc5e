using System.Management.Automation.Host;

namespace GgufQuant.Shell;

/// <summary>Standard output and error as the host writes them: colour where a terminal shows it, the progress bar out of the way.</summary>
internal sealed class ShellTerminal : IDisposable
{
    private const int RedirectedWidth = 120;
    private const int RedirectedHeight = 50;

    private readonly Lock _gate = new();
    private readonly ProgressBar? _progress;
    private bool _atLineStart = true;

    public ShellTerminal()
    {
        bool virtualTerminal = VirtualTerminal.Enable();
        OutputIsTerminal = !Console.IsOutputRedirected;
        OutputHasColor = OutputIsTerminal && virtualTerminal;
        ErrorHasColor = !Console.IsErrorRedirected && virtualTerminal;
        if (ErrorHasColor)
            _progress = new ProgressBar(Console.Error, () => Width);
        if (OperatingSystem.IsWindows())
            Console.OutputEncoding = new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
    }

    /// <summary>Standard error for the Shell's own messages.</summary>
    public TextWriter Error => Console.Error;

    public bool OutputIsTerminal { get; }

    public bool OutputHasColor { get; }

    public bool ErrorHasColor { get; }

    /// <summary>Whether a person can type: input comes from a terminal and output goes to one.</summary>
    public bool IsInteractive => OutputHasColor && !Console.IsInputRedirected;

    /// <summary>Columns to lay tables out in.</summary>
    public int Width => OutputIsTerminal && Console.WindowWidth > 0 ? Console.WindowWidth : RedirectedWidth;

    public int Height => OutputIsTerminal && Console.WindowHeight > 0 ? Console.WindowHeight : RedirectedHeight;

    /// <summary>Whether <see cref="Write"/> goes to standard error: what the engine formats then is an error.</summary>
    public bool OutputIsError { get; set; }

    /// <summary>Writes text to standard output.</summary>
    public void Write(string text)
    {
        lock (_gate)
        {
            _progress?.Erase();
            TextWriter writer = OutputIsError ? Console.Error : Console.Out;
            writer.Write(PSHostUserInterface.GetOutputString(text, OutputIsError ? ErrorHasColor : OutputHasColor));
            if (text.Length > 0)
                _atLineStart = text[^1] == '\n';
        }
    }

    /// <summary>Writes a line to standard error: an error, a warning, a message for the person watching.</summary>
    public void WriteErrorLine(string text)
    {
        lock (_gate)
        {
            _progress?.Erase();
            Console.Error.WriteLine(PSHostUserInterface.GetOutputString(text, ErrorHasColor));
            _atLineStart = true;
        }
    }

    /// <summary>Takes a progress record; shows nothing where standard error is no terminal.</summary>
    public void ShowProgress(System.Management.Automation.ProgressRecord record)
    {
        if (_progress is null)
            return;
        lock (_gate)
            _progress.Update(record, canDraw: _atLineStart);
    }

    /// <summary>Forgets all progress: the pipeline that reported it has ended.</summary>
    public void ClearProgress()
    {
        if (_progress is null)
            return;
        lock (_gate)
            _progress.Clear();
    }

    public void Dispose() => ClearProgress();
}
