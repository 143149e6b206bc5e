using System.Globalization;

namespace GgufQuant.Checks;

/// <summary>A tensor's name in <c>LoaderRules.txt</c>: <c>*</c> is the layer, <c>{…}</c> any number.</summary>
internal sealed class RuleName
{
    private readonly (string Text, RuleExpression? Number)[] _parts;

    private RuleName((string Text, RuleExpression? Number)[] parts) => _parts = parts;

    public static RuleName Parse(string text)
    {
        if (text.StartsWith('.'))
            text = "blk.*" + text;
        text = text.Replace("*", "{i}", StringComparison.Ordinal);
        List<(string Text, RuleExpression? Number)> parts = [];
        foreach (string part in text.Split('{'))
        {
            int end = part.IndexOf('}', StringComparison.Ordinal);
            parts.Add(end < 0 ? (part, null) : (part[(end + 1)..], RuleExpression.Parse(part[..end])));
        }
        return new([.. parts]);
    }

    public string Of(RuleScope scope) =>
        string.Concat(_parts.Select(part => part.Number?.Evaluate(scope).ToString(CultureInfo.InvariantCulture) + part.Text));
}
