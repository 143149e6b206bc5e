using System.Globalization;

namespace GgufQuant.Checks;

/// <summary>An integer expression of <c>LoaderRules.txt</c>, with C's syntax and precedence.</summary>
/// <param name="text">The expression.</param>
/// <param name="evaluate">Computes it.</param>
internal sealed class RuleExpression(string text, Func<RuleScope, long> evaluate)
{
    // From lowest to highest precedence; all associate to the left.
    private static readonly string[][] s_operators =
        [["||"], ["&&"], ["|"], ["==", "!="], ["<=", ">=", "<", ">"], ["+", "-"], ["*", "/", "%"]];

    /// <summary>The value of the expression in a scope.</summary>
    /// <exception cref="RuleFailedException">A division by zero, or a layer that the model does not have.</exception>
    public long Evaluate(RuleScope scope) => evaluate(scope);

    public override string ToString() => text;

    /// <summary>Parses an expression.</summary>
    /// <exception cref="FormatException">It is not an expression.</exception>
    public static RuleExpression Parse(string text)
    {
        Parser parser = new(text);
        Func<RuleScope, long> evaluate = parser.Conditional();
        parser.End();
        return new(text, evaluate);
    }

    /// <summary>Parses expressions separated by commas.</summary>
    public static RuleExpression[] ParseList(string text)
    {
        List<RuleExpression> list = [];
        int depth = 0;
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (text[i] != ',' || depth > 0)
                continue;
            list.Add(Parse(text[start..i].Trim()));
            start = i + 1;
        }
        if (text[start..].Trim() is { Length: > 0 } last)
            list.Add(Parse(last));
        return [.. list];
    }

    private sealed class Parser(string text)
    {
        private int _position;

        public Func<RuleScope, long> Conditional()
        {
            Func<RuleScope, long> condition = Binary(0);
            if (!Take("?"))
                return condition;
            Func<RuleScope, long> yes = Conditional();
            Require(":");
            Func<RuleScope, long> no = Conditional();
            return scope => condition(scope) != 0 ? yes(scope) : no(scope);
        }

        public void End()
        {
            SkipBlanks();
            if (_position < text.Length)
                throw new FormatException($"'{text[_position..]}' is left of '{text}'.");
        }

        private Func<RuleScope, long> Binary(int level)
        {
            if (level == s_operators.Length)
                return Unary();
            Func<RuleScope, long> left = Binary(level + 1);
            while (s_operators[level].FirstOrDefault(Take) is { } sign)
            {
                Func<RuleScope, long> first = left;
                Func<RuleScope, long> second = Binary(level + 1);
                left = sign switch
                {
                    "||" => scope => first(scope) != 0 || second(scope) != 0 ? 1 : 0,
                    "&&" => scope => first(scope) != 0 && second(scope) != 0 ? 1 : 0,
                    "|" => scope => first(scope) | second(scope),
                    "==" => scope => first(scope) == second(scope) ? 1 : 0,
                    "!=" => scope => first(scope) != second(scope) ? 1 : 0,
                    "<=" => scope => first(scope) <= second(scope) ? 1 : 0,
                    ">=" => scope => first(scope) >= second(scope) ? 1 : 0,
                    "<" => scope => first(scope) < second(scope) ? 1 : 0,
                    ">" => scope => first(scope) > second(scope) ? 1 : 0,
                    "+" => scope => first(scope) + second(scope),
                    "-" => scope => first(scope) - second(scope),
                    "*" => scope => first(scope) * second(scope),
                    "/" => scope => first(scope) / Divisor(second(scope)),
                    _ => scope => first(scope) % Divisor(second(scope)),
                };
            }
            return left;
        }

        private long Divisor(long value) =>
            value != 0 ? value : throw new RuleFailedException($"the loader would divide by zero in '{text}'", endsProgram: true);

        private Func<RuleScope, long> Unary()
        {
            if (Take("!"))
            {
                Func<RuleScope, long> operand = Unary();
                return scope => operand(scope) == 0 ? 1 : 0;
            }
            if (Take("-"))
            {
                Func<RuleScope, long> operand = Unary();
                return scope => -operand(scope);
            }
            if (Take("("))
            {
                Func<RuleScope, long> inner = Conditional();
                Require(")");
                return inner;
            }
            if (Take("\""))
                throw new FormatException($"A text stands outside of a call in '{text}'.");
            return Name();
        }

        private Func<RuleScope, long> Name()
        {
            SkipBlanks();
            int start = _position;
            while (_position < text.Length && (char.IsAsciiLetterOrDigit(text[_position]) || text[_position] is '_' or '.'))
                _position++;
            string name = text[start.._position];
            if (name.Length == 0)
                throw new FormatException($"An operand is missing in '{text}'.");
            if (char.IsAsciiDigit(name[0]))
            {
                long number = long.Parse(name, CultureInfo.InvariantCulture);
                return _ => number;
            }
            return Take("(") ? Call(name) : scope => scope.Get(name);
        }

        private Func<RuleScope, long> Call(string name)
        {
            // The name of a tensor, which may have expressions in braces.
            RuleName? tensor = null;
            if (Take("\""))
            {
                int end = text.IndexOf('"', _position);
                tensor = RuleName.Parse(text[_position..end]);
                _position = end + 1;
                _ = Take(",");
            }
            if (name is "length" or "largest" or "smallest" or "distinct")
            {
                int end = text.IndexOf(')', _position);
                string list = text[_position..end];
                _position = end + 1;
                return scope => scope.OfList(name, list);
            }
            if (name == "element")
            {
                int end = text.IndexOf(',', _position);
                string list = text[_position..end];
                _position = end + 1;
                Func<RuleScope, long> index = Conditional();
                Require(")");
                return scope => scope.Element(list, index(scope));
            }
            List<Func<RuleScope, long>> arguments = [];
            while (!Take(")"))
            {
                arguments.Add(Conditional());
                _ = Take(",");
            }
            return tensor is not null
                ? scope => scope.OfText(name, tensor.Of(scope), Values(scope))
                : scope => scope.Call(name, Values(scope));

            long[] Values(RuleScope scope) => [.. arguments.Select(argument => argument(scope))];
        }

        private bool Take(string sign)
        {
            SkipBlanks();
            if (!text.AsSpan(_position).StartsWith(sign, StringComparison.Ordinal))
                return false;
            // '|' is not the start of '||', nor '!' of '!='.
            if ((sign == "|" && text.AsSpan(_position).StartsWith("||")) || (sign == "!" && text.AsSpan(_position).StartsWith("!=")))
                return false;
            _position += sign.Length;
            return true;
        }

        private void Require(string sign)
        {
            if (!Take(sign))
                throw new FormatException($"'{sign}' is missing in '{text}'.");
        }

        private void SkipBlanks()
        {
            while (_position < text.Length && text[_position] == ' ')
                _position++;
        }
    }
}
