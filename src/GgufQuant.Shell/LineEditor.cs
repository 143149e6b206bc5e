using System.Management.Automation;

namespace GgufQuant.Shell;

/// <summary>Edits one line on a terminal: cursor keys, history, completion with Tab. A long line scrolls sideways.</summary>
internal sealed class LineEditor(ShellTerminal terminal)
{
    private readonly List<char> _text = [];
    private int _cursor;
    private int _historyIndex;
    private CommandCompletion? _completion;

    /// <summary>Earlier lines, oldest first, for the arrow keys.</summary>
    public IReadOnlyList<string> History { get; init; } = [];

    /// <summary>Finds completions of a text at a cursor position; null for no completion.</summary>
    public Func<string, int, CommandCompletion>? Complete { get; init; }

    /// <summary>What to show instead of each character typed.</summary>
    public char? Mask { get; init; }

    /// <summary>Reads a line; Ctrl+C abandons it.</summary>
    public EditedLine ReadLine(string prompt)
    {
        _text.Clear();
        _cursor = 0;
        _historyIndex = History.Count;
        int promptStart = prompt.LastIndexOf('\n') + 1;
        terminal.Write(prompt[..promptStart]);
        string lastPromptLine = prompt[promptStart..];

        bool controlCWasInput = Console.TreatControlCAsInput;
        Console.TreatControlCAsInput = true;
        try
        {
            while (true)
            {
                Draw(lastPromptLine);
                ConsoleKeyInfo key = Console.ReadKey(intercept: true);
                bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
                if (key.Key == ConsoleKey.Enter)
                    return Finish(new EditedLine(new string([.. _text])));
                if (control && key.Key == ConsoleKey.C)
                    return Finish(new EditedLine(null));
                if (control && key.Key == ConsoleKey.D && _text.Count == 0)
                    return Finish(new EditedLine(null, EndOfInput: true));
                Apply(key, control);
            }
        }
        finally
        {
            Console.TreatControlCAsInput = controlCWasInput;
        }
    }

    private EditedLine Finish(EditedLine line)
    {
        terminal.Write(Environment.NewLine);
        return line;
    }

    private void Apply(ConsoleKeyInfo key, bool control)
    {
        if (key.Key == ConsoleKey.Tab)
        {
            CompleteNext(forward: !key.Modifiers.HasFlag(ConsoleModifiers.Shift));
            return;
        }

        _completion = null;
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow when control: _cursor = WordStart(); break;
            case ConsoleKey.RightArrow when control: _cursor = WordEnd(); break;
            case ConsoleKey.LeftArrow: _cursor = Math.Max(0, _cursor - 1); break;
            case ConsoleKey.RightArrow: _cursor = Math.Min(_text.Count, _cursor + 1); break;
            case ConsoleKey.Home: _cursor = 0; break;
            case ConsoleKey.End: _cursor = _text.Count; break;
            case ConsoleKey.A when control: _cursor = 0; break;
            case ConsoleKey.E when control: _cursor = _text.Count; break;
            case ConsoleKey.U when control: Remove(0, _cursor); break;
            case ConsoleKey.K when control: Remove(_cursor, _text.Count); break;
            case ConsoleKey.W when control: Remove(WordStart(), _cursor); break;
            case ConsoleKey.Backspace: Remove(Math.Max(0, _cursor - 1), _cursor); break;
            case ConsoleKey.Delete: Remove(_cursor, Math.Min(_text.Count, _cursor + 1)); break;
            case ConsoleKey.Escape: Replace(""); break;
            case ConsoleKey.UpArrow: Recall(_historyIndex - 1); break;
            case ConsoleKey.DownArrow: Recall(_historyIndex + 1); break;
            default:
                if (!char.IsControl(key.KeyChar))
                    _text.Insert(_cursor++, key.KeyChar);
                break;
        }
    }

    private void Remove(int start, int end)
    {
        _text.RemoveRange(start, end - start);
        _cursor = start;
    }

    private void Replace(string text)
    {
        _text.Clear();
        _text.AddRange(text);
        _cursor = _text.Count;
    }

    private void Recall(int index)
    {
        if (index < 0 || index > History.Count)
            return;
        _historyIndex = index;
        Replace(index < History.Count ? History[index] : "");
    }

    private void CompleteNext(bool forward)
    {
        if (Complete is null)
            return;
        _completion ??= Complete(new string([.. _text]), _cursor);
        CompletionResult? match = _completion.GetNextResult(forward);
        if (match is null)
            return;
        string before = new([.. _text[.._completion.ReplacementIndex]]);
        string after = new([.. _text[(_completion.ReplacementIndex + _completion.ReplacementLength)..]]);
        Replace(before + match.CompletionText + after);
        _cursor = before.Length + match.CompletionText.Length;
        _completion.ReplacementLength = match.CompletionText.Length;
    }

    private int WordStart()
    {
        int position = _cursor;
        while (position > 0 && char.IsWhiteSpace(_text[position - 1]))
            position--;
        while (position > 0 && !char.IsWhiteSpace(_text[position - 1]))
            position--;
        return position;
    }

    private int WordEnd()
    {
        int position = _cursor;
        while (position < _text.Count && !char.IsWhiteSpace(_text[position]))
            position++;
        while (position < _text.Count && char.IsWhiteSpace(_text[position]))
            position++;
        return position;
    }

    private void Draw(string prompt)
    {
        int room = Math.Max(8, terminal.Width - prompt.Length - 1);
        int start = Math.Max(0, _cursor - room);
        int length = Math.Min(room, _text.Count - start);
        string shown = Mask is { } mask ? new string(mask, length) : new string([.. _text.Slice(start, length)]);
        // Redraw the whole row, then put the cursor back under its character.
        terminal.Write($"\r{prompt}{shown}\e[K\r\e[{prompt.Length + _cursor - start}C");
    }
}
