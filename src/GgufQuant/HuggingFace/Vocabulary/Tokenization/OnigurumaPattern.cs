using System.Globalization;
using System.Text;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Translates a regular expression of Oniguruma, which tokenizers uses, to one of .NET that matches the same in texts of the basic plane.</summary>
/// <remarks>
/// Differences: classes nest and intersect (<c>[\p{L}&amp;&amp;[^\p{Han}]]</c>), quantifiers are possessive (<c>?+</c>),
/// <c>\p{Han}</c> and other scripts, <c>\h</c>, <c>(?m)</c> for what .NET calls single line.
/// </remarks>
internal sealed class OnigurumaPattern
{
    private const int MaxDepth = 64;

    private static readonly Dictionary<string, string> s_properties = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Letter"] = @"\p{L}",
        ["Alpha"] = @"\p{L}\p{M}\p{Nl}",
        ["Alphabetic"] = @"\p{L}\p{M}\p{Nl}",
        ["Mark"] = @"\p{M}",
        ["Number"] = @"\p{N}",
        ["Digit"] = @"\p{Nd}",
        ["Punctuation"] = @"\p{P}",
        ["Symbol"] = @"\p{S}",
        ["Separator"] = @"\p{Z}",
        ["Space"] = @"\s",
        ["White_Space"] = @"\s",
        ["Upper"] = @"\p{Lu}",
        ["Lower"] = @"\p{Ll}",
        ["Han"] = @"\u2E80-\u2E99\u2E9B-\u2EF3\u2F00-\u2FD5\u3005\u3007\u3021-\u3029\u3038-\u303B\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFA6D\uFA70-\uFAD9",
        ["Hiragana"] = @"\u3041-\u3096\u309D-\u309F",
        ["Katakana"] = @"\u30A1-\u30FA\u30FD-\u30FF\u31F0-\u31FF\u32D0-\u32FE\u3300-\u3357\uFF66-\uFF6F\uFF71-\uFF9D",
        ["Hangul"] = @"\u1100-\u11FF\u302E-\u302F\u3131-\u318E\u3200-\u321E\u3260-\u327E\uA960-\uA97C\uAC00-\uD7A3\uD7B0-\uD7C6\uD7CB-\uD7FB\uFFA0-\uFFBE\uFFC2-\uFFC7\uFFCA-\uFFCF\uFFD2-\uFFD7\uFFDA-\uFFDC",
        ["Thai"] = @"\u0E01-\u0E3A\u0E40-\u0E5B",
    };

    // General categories, which .NET names by the same letters.
    private static readonly HashSet<string> s_categories = new(
        "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cn".Split(' '), StringComparer.Ordinal);

    private readonly string _source;
    private readonly StringBuilder _result = new();
    private int _position;

    private OnigurumaPattern(string source) => _source = source;

    /// <exception cref="UnsupportedTokenizerException">The expression contains something that is not translated.</exception>
    public static string Translate(string pattern)
    {
        OnigurumaPattern translation = new(pattern);
        translation.Alternatives(0);
        return translation.IsAtEnd ? translation._result.ToString() : throw translation.Unsupported("an unbalanced ')'");
    }

    /// <summary>An expression that matches literal text, with stand-ins for characters beyond the basic plane.</summary>
    public static string Escape(string text) => string.Concat(new BasicPlane(text).Text.Select(Literal));

    private bool IsAtEnd => _position == _source.Length;

    private char Current => _source[_position];

    private void Alternatives(int depth)
    {
        if (depth > MaxDepth)
            throw Unsupported($"more than {MaxDepth} nested groups");
        while (!IsAtEnd && Current != ')')
        {
            int start = _result.Length;
            if (Atom(depth))
                Quantifiers(start);
        }
    }

    // Whether a quantifier may follow.
    private bool Atom(int depth)
    {
        char next = Current;
        switch (next)
        {
            case '(':
                Group(depth);
                return true;
            case '[':
                _position++;
                _result.Append(Class(depth));
                return true;
            case '\\':
                _result.Append(Escaped(isInClass: false));
                return true;
            case '|' or '^' or '$':
                _position++;
                _result.Append(next);
                return false;
            case '.':
                _position++;
                _result.Append(next);
                return true;
            case '*' or '+' or '?':
                throw Unsupported($"a '{next}' after nothing");
            default:
                _result.Append(Literal(Character()));
                return true;
        }
    }

    private void Group(int depth)
    {
        _position++;
        _result.Append('(');
        if (!IsAtEnd && Current == '?')
        {
            int end = _source.IndexOfAny([':', '=', '!', '>', ')'], _position);
            string kind = end < 0 ? "" : _source[(_position + 1)..(end + 1)];
            string? translated = kind switch
            {
                ":" or "=" or "!" or ">" or "<=" or "<!" => kind,
                "i:" or "-i:" or "i)" => kind,
                "m:" => "s:",
                _ => null,
            };
            _result.Append('?').Append(translated ?? throw Unsupported($"the group '(?{kind}'"));
            _position = end + 1;
            if (kind[^1] == ')')
                return;
        }
        Alternatives(depth + 1);
        if (IsAtEnd)
            throw Unsupported("an unbalanced '('");
        _position++;
        _result.Append(')');
    }

    private void Quantifiers(int start)
    {
        while (!IsAtEnd && Quantifier() is { } quantifier)
        {
            _result.Append(quantifier);
            if (IsAtEnd)
                break;
            if (Current == '?')
            {
                _position++;
                _result.Append('?');
            }
            else if (Current == '+' && quantifier[0] != '{')
            {
                _position++;
                _result.Insert(start, "(?>").Append(')');
            }
            // A quantifier after a quantifier is legal in Oniguruma; .NET needs a group.
            _result.Insert(start, "(?:").Append(')');
        }
    }

    private string? Quantifier()
    {
        if (Current is '*' or '+' or '?')
            return _source[_position++].ToString();
        if (Current != '{')
            return null;
        int end = _source.IndexOf('}', _position);
        string[] bounds = end < 0 ? [] : _source[(_position + 1)..end].Split(',');
        bool isQuantifier = bounds.Length is 1 or 2 && bounds.All(bound => bound.Length <= 4 && bound.All(char.IsAsciiDigit)) && bounds.Any(bound => bound.Length > 0);
        if (!isQuantifier)
            return null;
        _position = end + 1;
        string least = bounds[0].Length > 0 ? bounds[0] : "0";
        return bounds.Length == 1 ? $"{{{least}}}" : $"{{{least},{bounds[1]}}}";
    }

    // Reads a class after its '[', as an expression that matches one character.
    private string Class(int depth)
    {
        if (depth > MaxDepth)
            throw Unsupported($"more than {MaxDepth} nested classes");
        bool isNegated = !IsAtEnd && Current == '^';
        if (isNegated)
            _position++;
        List<string> intersected = [];
        StringBuilder items = new();
        List<string> alternatives = [];
        bool isFirst = true;
        while (true)
        {
            if (IsAtEnd)
                throw Unsupported("an unbalanced '['");
            if (Current == ']' && !isFirst)
                break;
            isFirst = false;
            if (_source.AsSpan(_position).StartsWith("&&"))
            {
                _position += 2;
                intersected.Add(Union(items, alternatives));
                items.Clear();
                alternatives.Clear();
            }
            else if (_source.AsSpan(_position).StartsWith("[:"))
            {
                throw Unsupported("a POSIX class");
            }
            else if (Current == '[')
            {
                _position++;
                alternatives.Add(Class(depth + 1));
            }
            else
            {
                Item(items, alternatives);
            }
        }
        _position++;
        if (isNegated && intersected.Count == 0 && alternatives.Count == 0)
            return $"[^{items}]";
        string last = Union(items, alternatives);
        string all = intersected.Count == 0 ? last : $"(?:{string.Concat(intersected.Select(part => $"(?={part})"))}{last})";
        return isNegated ? $@"(?:(?!{all})[\s\S])" : all;
    }

    private string Union(StringBuilder items, List<string> alternatives)
    {
        if (items.Length > 0)
            alternatives = [$"[{items}]", .. alternatives];
        return alternatives.Count switch
        {
            0 => throw Unsupported("an empty class"),
            1 => alternatives[0],
            _ => $"(?:{string.Join('|', alternatives)})",
        };
    }

    private void Item(StringBuilder items, List<string> alternatives)
    {
        int start = _position;
        if (Current == '\\' && Escaped(isInClass: true) is { Length: > 0 } item)
        {
            if (item[0] == '[')
            {
                alternatives.Add(item);
                return;
            }
            if (!item.StartsWith(@"\u", StringComparison.Ordinal) || item.Length != 6)
            {
                items.Append(item);
                return;
            }
            _position = start;
        }
        char first = ClassCharacter();
        items.Append(Literal(first));
        if (IsAtEnd || Current != '-' || _position + 1 == _source.Length || _source[_position + 1] is ']' or '[' || _source.AsSpan(_position + 1).StartsWith("&&"))
            return;
        _position++;
        char last = ClassCharacter();
        if (last < first)
            throw Unsupported("an empty range");
        items.Append('-').Append(Literal(last));
    }

    private char ClassCharacter()
    {
        if (Current != '\\')
            return Character();
        string escaped = Escaped(isInClass: true);
        return escaped.Length == 6 && escaped.StartsWith(@"\u", StringComparison.Ordinal)
            ? (char)int.Parse(escaped.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : throw Unsupported($"the range with '{escaped}'");
    }

    // Reads an escape after its backslash: within a class as part of it, or as a separate class if it is a complement.
    private string Escaped(bool isInClass)
    {
        _position++;
        if (IsAtEnd)
            throw Unsupported("a '\\' at the end");
        char kind = _source[_position++];
        return kind switch
        {
            's' or 'S' or 'd' or 'D' => $@"\{kind}",
            'w' => Set(@"\p{L}\p{M}\p{Nd}\p{Pc}", isInClass),
            'W' => @"[^\p{L}\p{M}\p{Nd}\p{Pc}]",
            'h' => Set("0-9A-Fa-f", isInClass),
            'H' => "[^0-9A-Fa-f]",
            'p' or 'P' => Property(kind == 'P', isInClass),
            'A' or 'z' or 'Z' or 'b' or 'B' or 'G' when !isInClass => $@"\{kind}",
            'n' => Literal('\n'),
            'r' => Literal('\r'),
            't' => Literal('\t'),
            'f' => Literal('\f'),
            'v' => Literal('\v'),
            'x' or 'u' => Hexadecimal(kind),
            _ when char.IsAsciiLetterOrDigit(kind) => throw Unsupported($"'\\{kind}'"),
            _ when char.IsSurrogate(kind) => throw Unsupported("a character beyond the basic plane"),
            _ => Literal(kind),
        };
    }

    private string Property(bool isNegated, bool isInClass)
    {
        int end = IsAtEnd || Current != '{' ? -1 : _source.IndexOf('}', _position);
        if (end < 0)
            throw Unsupported("'\\p' without a name");
        string name = _source[(_position + 1)..end];
        _position = end + 1;
        if (name.StartsWith('^'))
        {
            isNegated = !isNegated;
            name = name[1..];
        }
        if (s_categories.Contains(name))
            return $@"\{(isNegated ? 'P' : 'p')}{{{name}}}";
        if (!s_properties.TryGetValue(name, out string? set))
            throw Unsupported($"the property '{name}'");
        return isNegated ? $"[^{set}]" : Set(set, isInClass);
    }

    private static string Set(string items, bool isInClass) => isInClass ? items : $"[{items}]";

    private string Hexadecimal(char kind)
    {
        int end = _position;
        string digits;
        if (kind == 'x' && !IsAtEnd && Current == '{')
        {
            end = _source.IndexOf('}', _position);
            digits = end < 0 ? "" : _source[(_position + 1)..end];
            end++;
        }
        else
        {
            end = Math.Min(_position + (kind == 'x' ? 2 : 4), _source.Length);
            digits = _source[_position..end];
        }
        if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) || value is < 0 or > char.MaxValue || char.IsSurrogate((char)value))
            throw Unsupported($"the character '\\{kind}{digits}'");
        _position = end;
        return Literal((char)value);
    }

    private char Character() => char.IsSurrogate(Current) ? throw Unsupported("a character beyond the basic plane") : _source[_position++];

    // Always escaped, so that no character has a special meaning in .NET.
    private static string Literal(char character) => $@"\u{(int)character:X4}";

    private UnsupportedTokenizerException Unsupported(string what) =>
        new($"the regular expression '{(_source.Length <= 60 ? _source : $"{_source[..60]}…")}' has {what}, which is not supported");
}
