using System.Globalization;
using System.Text;

namespace GgufQuant.HuggingFace.Metadata;

/// <summary>Reads the YAML that model cards use: mappings, sequences, quoted and plain scalars, block scalars.</summary>
/// <remarks>
/// Values are <see cref="string"/>, null, and lists and dictionaries of these: nothing becomes a number or a boolean, because
/// metadata is text. Anchors, tags and multiple documents are not supported.
/// </remarks>
internal sealed class Yaml
{
    private const int MaxDepth = 32;

    private readonly List<(int Indent, string Text)> _lines;
    private int _next;

    private Yaml(IEnumerable<string> lines) =>
        _lines = [.. lines.Select(line => (line.Length - line.TrimStart(' ').Length, line.TrimEnd()))];

    /// <summary>Reads a document.</summary>
    /// <exception cref="FormatException">It is not understood; the message says which line.</exception>
    public static object? Parse(IEnumerable<string> lines)
    {
        Yaml yaml = new(lines);
        object? value = yaml.ReadBlock(0, 0);
        yaml.SkipBlank();
        return yaml._next == yaml._lines.Count ? value : throw yaml.Unclear();
    }

    private FormatException Unclear() => new($"line {_next + 1} is not understood");

    private void SkipBlank()
    {
        while (_next < _lines.Count && (_lines[_next].Text.AsSpan().Trim() is [] or ['#', ..]))
            _next++;
    }

    private object? ReadBlock(int indent, int depth)
    {
        if (depth > MaxDepth)
            throw Unclear();
        SkipBlank();
        if (_next == _lines.Count || _lines[_next].Indent < indent)
            return null;
        int own = _lines[_next].Indent;
        string text = _lines[_next].Text[own..];
        if (IsItem(text))
            return ReadSequence(own, depth);
        if (FindColon(text) >= 0)
            return ReadMapping(own, depth);
        _next++;
        return ReadScalar(text, indent);
    }

    private static bool IsItem(string text) => text is "-" || text.StartsWith("- ", StringComparison.Ordinal);

    private List<object?> ReadSequence(int indent, int depth)
    {
        List<object?> items = [];
        for (SkipBlank(); _next < _lines.Count && _lines[_next].Indent == indent && IsItem(_lines[_next].Text[indent..]); SkipBlank())
        {
            string rest = _lines[_next].Text[(indent + 1)..];
            string text = rest.TrimStart(' ');
            if (text.Length == 0 || text[0] == '#')
            {
                _next++;
                items.Add(ReadBlock(indent + 1, depth + 1));
                continue;
            }
            // Text after the dash is read as if it were on a separate line.
            int column = indent + 1 + rest.Length - text.Length;
            _lines[_next] = (column, new string(' ', column) + text);
            items.Add(ReadBlock(indent + 1, depth + 1));
        }
        return items;
    }

    private Dictionary<string, object?> ReadMapping(int indent, int depth)
    {
        Dictionary<string, object?> mapping = new(StringComparer.Ordinal);
        for (SkipBlank(); _next < _lines.Count && _lines[_next].Indent == indent; SkipBlank())
        {
            string text = _lines[_next].Text[indent..];
            int colon = FindColon(text);
            if (colon < 0 || IsItem(text))
                throw Unclear();
            string key = Unquoted(text[..colon].Trim()) ?? "";
            string value = text[(colon + 1)..].Trim();
            _next++;
            mapping[key] = value.Length == 0 || value[0] == '#' ? ReadNested(indent, depth + 1)
                : value[0] is '|' or '>' ? ReadText(indent, value)
                : ReadScalar(value, indent + 1);
        }
        return mapping;
    }

    // A sequence may be indented no further than its key.
    private object? ReadNested(int indent, int depth)
    {
        SkipBlank();
        bool isSequence = _next < _lines.Count && _lines[_next].Indent == indent && IsItem(_lines[_next].Text[indent..]);
        return isSequence ? ReadSequence(indent, depth) : ReadBlock(indent + 1, depth);
    }

    private string ReadText(int indent, string header)
    {
        List<string> lines = [];
        int own = -1;
        for (; _next < _lines.Count && (_lines[_next].Text.Length == 0 || _lines[_next].Indent > indent); _next++)
        {
            if (own < 0 && _lines[_next].Text.Length > 0)
                own = _lines[_next].Indent;
            lines.Add(_lines[_next].Text.Length == 0 ? "" : _lines[_next].Text[Math.Min(own, _lines[_next].Indent)..]);
        }
        string text = header[0] == '|' ? string.Join('\n', lines) : Folded(lines);
        text = text.TrimEnd('\n');
        return header.Contains('-') || text.Length == 0 ? text : $"{text}\n";
    }

    private static string Folded(IEnumerable<string> lines)
    {
        StringBuilder text = new();
        foreach (string line in lines)
        {
            if (line.Length == 0)
                text.Append('\n');
            else
                text.Append(text.Length > 0 && text[^1] != '\n' ? " " : "").Append(line);
        }
        return text.ToString();
    }

    // Plain and quoted scalars and flow collections continue on lines that are indented further.
    private object? ReadScalar(string text, int indent)
    {
        StringBuilder whole = new(text);
        while (_next < _lines.Count && _lines[_next].Text.Length > 0 && _lines[_next].Indent >= Math.Max(indent, 1) && !IsComplete(whole.ToString()))
            whole.Append(' ').Append(_lines[_next++].Text.Trim());
        string value = whole.ToString();
        return value[0] is '[' or '{' ? new Flow(value).Read() ?? throw Unclear() : Unquoted(WithoutComment(value));
    }

    private static bool IsComplete(string text) => text[0] switch
    {
        '"' => text.Length > 1 && ClosingQuote(text) >= 0,
        '\'' => text.Length > 1 && ClosingQuote(text) >= 0,
        '[' => WithoutComment(text).TrimEnd().EndsWith(']'),
        '{' => WithoutComment(text).TrimEnd().EndsWith('}'),
        _ => false,
    };

    private static int ClosingQuote(string text)
    {
        for (int i = 1; i < text.Length; i++)
        {
            if (text[0] == '"' && text[i] == '\\')
                i++;
            else if (text[i] == text[0])
                return i;
        }
        return -1;
    }

    private static string WithoutComment(string text)
    {
        int end = text[0] is '"' or '\'' ? Math.Max(0, ClosingQuote(text)) : 0;
        int comment = text.IndexOf(" #", end, StringComparison.Ordinal);
        return (comment < 0 ? text : text[..comment]).TrimEnd();
    }

    // Outside quotes, before a space or the end.
    private static int FindColon(string text)
    {
        int start = text[0] is '"' or '\'' ? ClosingQuote(text) : 0;
        if (start < 0 || text[0] is '[' or '{' or '#')
            return -1;
        for (int i = start; i < text.Length; i++)
        {
            if (text[i] == '#' && i > 0 && text[i - 1] == ' ')
                return -1;
            if (text[i] == ':' && (i + 1 == text.Length || text[i + 1] == ' '))
                return i;
        }
        return -1;
    }

    private static string? Unquoted(string text)
    {
        if (text is "" or "~" or "null" or "Null" or "NULL")
            return null;
        if (text.Length < 2 || text[0] is not ('"' or '\'') || text[^1] != text[0])
            return text;
        string inner = text[1..^1];
        return text[0] == '\'' ? inner.Replace("''", "'") : Unescaped(inner);
    }

    private static string Unescaped(string text)
    {
        StringBuilder result = new();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }
            char escape = text[++i];
            int digits = escape switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0 && i + digits < text.Length && int.TryParse(text.AsSpan(i + 1, digits), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int code) && Rune.IsValid(code))
            {
                result.Append(new Rune(code));
                i += digits;
                continue;
            }
            result.Append(escape switch { 'n' => '\n', 't' => '\t', 'r' => '\r', '0' => '\0', _ => escape });
        }
        return result.ToString();
    }

    /// <summary>A flow collection.</summary>
    private sealed class Flow(string text)
    {
        private int _place;

        public object? Read()
        {
            object? value = ReadValue(0);
            SkipSpaces();
            return _place == text.Length || text[_place] == '#' ? value : null;
        }

        private object? ReadValue(int depth)
        {
            SkipSpaces();
            if (_place == text.Length || depth > MaxDepth)
                throw new FormatException("a list in brackets is not closed");
            return text[_place] switch
            {
                '[' => ReadList(depth),
                '{' => ReadMap(depth),
                _ => Unquoted(ReadPlain()),
            };
        }

        private List<object?> ReadList(int depth)
        {
            List<object?> items = [];
            _place++;
            while (!TryClose(']'))
            {
                items.Add(ReadValue(depth + 1));
                SkipComma(']');
            }
            return items;
        }

        private Dictionary<string, object?> ReadMap(int depth)
        {
            Dictionary<string, object?> map = new(StringComparer.Ordinal);
            _place++;
            while (!TryClose('}'))
            {
                string key = Unquoted(ReadPlain(isKey: true)) ?? "";
                SkipSpaces();
                if (_place < text.Length && text[_place] == ':')
                    _place++;
                map[key] = ReadValue(depth + 1);
                SkipComma('}');
            }
            return map;
        }

        private string ReadPlain(bool isKey = false)
        {
            SkipSpaces();
            int start = _place;
            if (_place < text.Length && text[_place] is '"' or '\'')
            {
                int end = ClosingQuote(text[_place..]);
                if (end < 0)
                    throw new FormatException("a quoted string is not closed");
                _place += end + 1;
                return text[start.._place];
            }
            while (_place < text.Length && text[_place] is not (',' or ']' or '}') && !(isKey && text[_place] == ':'))
                _place++;
            return text[start.._place].Trim();
        }

        private bool TryClose(char bracket)
        {
            SkipSpaces();
            if (_place == text.Length)
                throw new FormatException("a list in brackets is not closed");
            if (text[_place] != bracket)
                return false;
            _place++;
            return true;
        }

        private void SkipComma(char bracket)
        {
            SkipSpaces();
            if (_place < text.Length && text[_place] == ',')
                _place++;
            else if (_place == text.Length || text[_place] != bracket)
                throw new FormatException("a comma is missing in a list in brackets");
        }

        private void SkipSpaces()
        {
            while (_place < text.Length && text[_place] == ' ')
                _place++;
        }
    }
}
