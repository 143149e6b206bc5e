using System.Collections;
using System.Globalization;
using System.Management.Automation.Language;
using System.Text;
using System.Text.RegularExpressions;
using GgufQuant.Formats;
using GgufQuant.IO;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Reads and writes recipes: a .psd1 file with an ordered list of rules, each of a tensor pattern, layers and a type.</summary>
internal static class RecipeFile
{
    /// <exception cref="QuantizationException">The file is not a recipe; the message says where and why.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static IReadOnlyList<TensorTypeRule> Read(string path)
    {
        InputText text = InputText.Read(path);
        if (text.InvalidBytes > 0)
            throw Invalid(path, $"{text.InvalidBytes} of its bytes are not UTF-8");
        ScriptBlockAst script = Parser.ParseInput(text.Text, path, out _, out ParseError[] errors);
        if (errors.Length > 0)
            throw Invalid(path, $"line {errors[0].Extent.StartLineNumber}: {errors[0].Message}");
        Hashtable recipe = Table(path, script);
        CheckKeys(path, "it", recipe, "Rules");
        object rules = recipe["Rules"] ?? throw Invalid(path, "it has no 'Rules'");
        return [.. (rules is object[] several ? several : [rules]).Select((rule, index) => Rule(path, index + 1, rule as Hashtable))];
    }

    /// <summary>The text of a recipe that gives tensors the types of a plan.</summary>
    /// <param name="plan">A plan with types chosen for a size.</param>
    /// <param name="remarks">Lines to begin with.</param>
    internal static string Write(QuantizationPlan plan, params IEnumerable<string> remarks)
    {
        StringBuilder text = new();
        foreach (string remark in remarks)
            text.Append("# ").Append(PrintableText.Escape(remark)).Append('\n');
        text.Append("@{\n    Rules = @(\n");
        foreach (string rule in Rules(plan))
            text.Append("        ").Append(rule).Append('\n');
        return text.Append("    )\n}\n").ToString();
    }

    /// <summary>The number of rules that a plan's recipe has.</summary>
    internal static int CountRules(QuantizationPlan plan) => Rules(plan).Count();

    // The layers of a role that get the same type are one rule.
    private static IEnumerable<string> Rules(QuantizationPlan plan) =>
        from allocated in plan.Options.Allocation!.Types
        let split = TensorNames.SplitLayer(allocated.Key)
        group split?.Layer by (Pattern: PatternOf(allocated.Key, split?.Part), allocated.Value.Type) into layers
        orderby layers.Key.Pattern, layers.Min()
        let layer = layers.First() is null ? "" : $" Layer = '{LayerRanges.Text(layers.Select(number => (int)number!.Value))}';"
        select $"@{{ Tensor = '{CodeGeneration.EscapeSingleQuotedStringContent(layers.Key.Pattern)}';{layer} Type = '{BlockFormat.Of(layers.Key.Type)}' }}";

    private static string PatternOf(string name, string? part) =>
        part is null ? $"^{Regex.Escape(name)}$" : $@"^blk\.\d+\.{Regex.Escape(part)}$";

    // Only constants are accepted: a recipe cannot run anything.
    private static Hashtable Table(string path, ScriptBlockAst script)
    {
        try
        {
            Ast? table = script.Find(node => node is HashtableAst, searchNestedScriptBlocks: false);
            return table?.SafeGetValue() as Hashtable ?? throw Invalid(path, "it is not a table, @{ ... }");
        }
        catch (InvalidOperationException exception)
        {
            throw Invalid(path, exception.Message);
        }
    }

    private static void CheckKeys(string path, string owner, Hashtable table, params string[] known)
    {
        string? unknown = table.Keys.Cast<object>().Select(key => $"{key}").FirstOrDefault(key => !known.Contains(key, StringComparer.OrdinalIgnoreCase));
        if (unknown is not null)
            throw Invalid(path, $"{owner} has '{unknown}', which is not a key of recipes.{Suggestion.For(unknown, known)}");
    }

    private static TensorTypeRule Rule(string path, int number, Hashtable? rule)
    {
        CheckKeys(path, $"rule {number}", rule ?? [], "Tensor", "Layer", "Type");
        if (rule?["Tensor"] is not string pattern || rule["Type"] is not string type)
            throw Invalid(path, $"rule {number} needs a 'Tensor' and a 'Type'");
        if (!TensorFormatTransformationAttribute.TryFind(type, out BlockFormat? format))
            throw Invalid(path, $"rule {number}: {TensorFormatTransformationAttribute.Unknown(type)}");
        try
        {
            return new(pattern, format.Type, rule["Layer"] is { } layers ? Layers(path, number, layers) : null);
        }
        catch (ArgumentException exception)
        {
            throw Invalid(path, $"rule {number}: '{pattern}' is not a regular expression: {exception.Message}");
        }
    }

    // 0, '0-3,28-31' and @(0, '4-7') all specify layers.
    private static HashSet<int> Layers(string path, int number, object layers)
    {
        HashSet<int> all = [];
        foreach (object item in layers is object[] several ? several : [layers])
        {
            foreach (string range in string.Create(CultureInfo.InvariantCulture, $"{item}").Split(','))
            {
                string[] ends = range.Split('-');
                if (ends.Length > 2 || !TryParse(ends[0], out int first) || !TryParse(ends[^1], out int last) || last < first)
                    throw Invalid(path, $"rule {number}: '{range}' is not a range of layers: write 5, '0-3' or '0-3,28-31'");
                all.UnionWith(Enumerable.Range(first, last - first + 1));
            }
        }
        return all;
    }

    private static bool TryParse(string text, out int layer) =>
        int.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out layer) && layer < 1 << 16;

    private static QuantizationException Invalid(string path, string problem) =>
        new($"'{path}' is not a recipe: {problem}{(problem[^1] is '.' or '?' ? "" : ".")} Write @{{ Rules = @(@{{ Tensor = 'attn_v'; Layer = '0-3'; Type = 'q6_K' }}) }}.");
}
