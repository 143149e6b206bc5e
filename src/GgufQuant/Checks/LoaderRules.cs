using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.RegularExpressions;
using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>What llama.cpp's loader requires of models of an architecture: the rules of <c>LoaderRules.txt</c>.</summary>
internal sealed partial class LoaderRules
{
    private static readonly Lazy<FrozenDictionary<string, string[]>> s_sections = new(ReadSections);
    private static readonly ConcurrentDictionary<string, LoaderRules> s_parsed = new(StringComparer.Ordinal);

    private LoaderRules(ImmutableArray<RuleStatement> keys, ImmutableArray<RuleStatement> tensors)
    {
        Keys = keys;
        Tensors = tensors;
    }

    /// <summary>The architectures that have rules.</summary>
    public static IEnumerable<string> Architectures => s_sections.Value.Keys;

    /// <summary>The keys, apart from those of every architecture.</summary>
    public ImmutableArray<RuleStatement> Keys { get; }

    /// <summary>The tensors.</summary>
    public ImmutableArray<RuleStatement> Tensors { get; }

    /// <summary>The rules of an architecture; null if there are none.</summary>
    public static LoaderRules? Of(string architecture) =>
        s_sections.Value.TryGetValue(architecture, out string[]? lines) ? s_parsed.GetOrAdd(architecture, _ => Parse(lines)) : null;

    /// <summary>Every key that a rule reads, in any branch.</summary>
    public IEnumerable<KeyRule> AllKeys() => Flatten(Keys).OfType<KeyRule>();

    private static IEnumerable<RuleStatement> Flatten(IEnumerable<RuleStatement> statements) =>
        statements.SelectMany(statement => statement switch
        {
            IfRule { Then: var yes, Else: var no } => Flatten(yes).Concat(Flatten(no)),
            ForRule { Body: var body } => Flatten(body),
            DefinitionRule { Body: var body } => Flatten(body),
            _ => [statement],
        });

    private static FrozenDictionary<string, string[]> ReadSections()
    {
        using Stream stream = typeof(LoaderRules).Assembly.GetManifestResourceStream("LoaderRules.txt")!;
        using StreamReader reader = new(stream);
        Dictionary<string, string[]> sections = new(StringComparer.Ordinal);
        string[] names = [];
        List<string> lines = [];
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#') || line.Length == 0)
                continue;
            if (line.StartsWith(' '))
            {
                lines.Add(line);
                continue;
            }
            Close();
            names = line.Split(' ')[1..];
        }
        Close();
        return sections.ToFrozenDictionary(StringComparer.Ordinal);

        void Close()
        {
            string[] section = [.. lines];
            lines.Clear();
            foreach (string name in names)
                sections.Add(name, section);
        }
    }

    private static LoaderRules Parse(string[] lines)
    {
        int tensors = Array.IndexOf(lines, "  tensors");
        return new(ParseBlock(lines.AsSpan(0, tensors)), ParseBlock(lines.AsSpan(tensors + 1)));
    }

    private static ImmutableArray<RuleStatement> ParseBlock(ReadOnlySpan<string> lines)
    {
        ImmutableArray<RuleStatement>.Builder statements = ImmutableArray.CreateBuilder<RuleStatement>();
        while (!lines.IsEmpty)
        {
            string line = lines[0].Trim();
            ReadOnlySpan<string> body = Indented(lines);
            lines = lines[(1 + body.Length)..];
            if (line.StartsWith("if ", StringComparison.Ordinal))
            {
                ReadOnlySpan<string> otherwise = [];
                if (!lines.IsEmpty && lines[0].Trim() == "else")
                {
                    otherwise = Indented(lines);
                    lines = lines[(1 + otherwise.Length)..];
                }
                statements.Add(new IfRule(RuleExpression.Parse(line[3..]), ParseBlock(body), ParseBlock(otherwise)));
            }
            else if (ForLine().Match(line) is { Success: true } loop)
                statements.Add(new ForRule(loop.Groups[1].Value, RuleExpression.Parse(loop.Groups[2].Value), RuleExpression.Parse(loop.Groups[3].Value), ParseBlock(body)));
            else if (DefinitionLine().Match(line) is { Success: true } definition)
                statements.Add(new DefinitionRule(definition.Groups[1].Value, [.. definition.Groups[2].Value.Split(", ")], ParseBlock(body)));
            else
                statements.Add(ParseLine(line));
        }
        return statements.ToImmutable();
    }

    private static ReadOnlySpan<string> Indented(ReadOnlySpan<string> lines)
    {
        int indent = Indent(lines[0]);
        int end = 1;
        while (end < lines.Length && Indent(lines[end]) > indent)
            end++;
        return lines[1..end];
    }

    private static int Indent(string line) => line.Length - line.TrimStart().Length;

    private static RuleStatement ParseLine(string line)
    {
        if (line == "stop")
            return new StopRule();
        if (FailLine().Match(line) is { Success: true } fail)
            return new FailRule(fail.Groups[1].Value);
        if (line.StartsWith("require ", StringComparison.Ordinal))
            return new RequireRule(RuleExpression.Parse(line["require ".Length..]));
        if (KeyLine().Match(line) is { Success: true } key)
            return ParseKey(key);
        if (TensorLine().Match(line) is { Success: true } tensor)
            return ParseTensor(tensor);
        if (ElementLine().Match(line) is { Success: true } element)
            return new ElementRule(element.Groups["list"].Value, element.Groups["index"].Success ? RuleExpression.Parse(element.Groups["index"].Value) : null, RuleExpression.Parse(element.Groups["value"].Value));
        if (LetLine().Match(line) is { Success: true } let)
            return new LetRule(let.Groups["name"].Value, RuleExpression.Parse(let.Groups["value"].Value), let.Groups["local"].Success);
        if (CallLine().Match(line) is { Success: true } call)
            return new CallRule(call.Groups[1].Value, [.. RuleExpression.ParseList(call.Groups[2].Value)]);
        throw new FormatException($"'{line}' is not a rule.");
    }

    private static KeyRule ParseKey(Match key)
    {
        GgufValueType? type = key.Groups["type"].Value switch
        {
            "u32" => GgufValueType.UInt32,
            "i32" => GgufValueType.Int32,
            "u64" => GgufValueType.UInt64,
            "f32" => GgufValueType.Float32,
            "bool" => GgufValueType.Boolean,
            "str" => GgufValueType.String,
            _ => null,
        };
        string length = key.Groups["length"].Value;
        KeyForm form = type is null ? KeyForm.Count
            : !key.Groups["array"].Success ? KeyForm.Value
            : length.Length == 0 ? KeyForm.Array
            : length == "*" ? KeyForm.List
            : KeyForm.ValueOrArray;
        return new(
            key.Groups["key"].Value, type, key.Groups["optional"].Success, form,
            form == KeyForm.ValueOrArray ? RuleExpression.Parse(length) : null, OrNull(key.Groups["variable"]), OrNull(key.Groups["found"]));
    }

    private static TensorRule ParseTensor(Match tensor) =>
        new(
            RuleName.Parse(tensor.Groups["name"].Value), tensor.Groups["optional"].Success, [.. RuleExpression.ParseList(tensor.Groups["shape"].Value)],
            tensor.Groups["flags"].Success ? RuleExpression.Parse(tensor.Groups["flags"].Value) : null, OrNull(tensor.Groups["variable"]));

    private static string? OrNull(Group group) => group.Success ? group.Value : null;

    [GeneratedRegex("^for (\\w+) = (.+) to (.+)$")]
    private static partial Regex ForLine();

    [GeneratedRegex("^def (\\w+)\\((.*)\\)$")]
    private static partial Regex DefinitionLine();

    [GeneratedRegex("^fail \"(.*)\"$")]
    private static partial Regex FailLine();

    [GeneratedRegex(@"^(?:(?<found>\w+) = )?(?<type>u32|i32|u64|f32|bool|str|count)(?<array>\[(?<length>[^\]]*)\])?(?<optional>\?)? (?<key>[\w./]+)(?: -> (?<variable>\w+))?$")]
    private static partial Regex KeyLine();

    [GeneratedRegex(@"^(?:(?<variable>\w+) = )?(?<name>[\w.*{}]+?)(?<optional>\?)?: (?<shape>[^|]+?)(?: \| (?<flags>.+))?$")]
    private static partial Regex TensorLine();

    [GeneratedRegex(@"^(?:set (?<list>\w+)\((?<index>.+?)\)|fill (?<list>\w+)) = (?<value>.+)$")]
    private static partial Regex ElementLine();

    [GeneratedRegex(@"^(?<local>let )?(?<name>\w[\w.]*) = (?<value>.+)$")]
    private static partial Regex LetLine();

    [GeneratedRegex(@"^(\w+)\((.*)\)$")]
    private static partial Regex CallLine();
}
