using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Text;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>A plan as text: layers that are treated the same are one line.</summary>
internal static class PlanText
{
    /// <param name="plan">A <see cref="PlannedFile"/>, or what a job or a remote session returned of one.</param>
    /// <param name="host">The console it goes to.</param>
    internal static string Render(PSObject plan, PSHost host)
    {
        string files = $"{Formatting.FileName(Get<string>(plan, "Source"))} -> {Formatting.FileName(Get<string>(plan, "Destination"))}";
        string sizes = $"{Formatting.Size(Get<long>(plan, "SourceSize"))} -> {Formatting.Size(Get<long>(plan, "Size"))}";
        string ratio = $"({Formatting.Percent(Get<double>(plan, "RelativeSize"))}), {Formatting.Bits(Get<double>(plan, "BitsPerWeight"))} bits per weight";
        StringBuilder text = new();
        text.Append(Formatting.Wrap($"{files}: {sizes} {ratio}", host, indent: 0)).Append('\n');
        text.Append(Formatting.Wrap(Formatting.ShareLine(Get<IEnumerable>(plan, "Shares")), host, indent: 0)).Append('\n');
        if (plan.Properties["ExpectedDivergence"]?.Value is double divergence)
            text.Append($"expected KL divergence {Formatting.Measure(divergence)} nats per token\n");
        text.Append('\n');

        List<Line> lines =
        [
            .. Get<IEnumerable>(plan, "Tensors").Cast<object>().Select(PSObject.AsPSObject)
                .GroupBy(Line.KeyOf).Select(group => new Line(group.Key, [.. group])),
        ];
        int name = lines.Max(line => line.Name.Length);
        int change = lines.Max(line => line.Change.Length);
        foreach (Line line in lines)
        {
            string start = $"{line.Name.PadRight(name)}  {line.Change.PadRight(change)}  {Formatting.Size(line.Bytes),9}  ";
            text.Append(Formatting.Wrap(start + line.Rule, host, indent: 0, hanging: start.Length)).Append('\n');
        }
        return text.ToString().TrimEnd('\n');
    }

    private static T Get<T>(PSObject value, string property) => LanguagePrimitives.ConvertTo<T>(value.Properties[property]?.Value);

    private sealed class Line
    {
        internal Line((string Pattern, string From, string To, string Rule) key, IReadOnlyList<PSObject> tensors)
        {
            Name = key.Pattern.Replace("*", LayerRanges.Text(Layers(tensors)));
            Change = key.From == key.To ? key.From : $"{key.From} -> {key.To}";
            double[] divergences = [.. tensors.Select(tensor => tensor.Properties["ExpectedDivergence"]?.Value).OfType<double>()];
            Rule = divergences.Length == 0 ? key.Rule : $"{key.Rule}: KL divergence {Formatting.Measure(divergences.Sum())}";
            Bytes = tensors.Sum(tensor => Get<long>(tensor, "Size"));
        }

        internal string Name { get; }

        internal string Change { get; }

        internal string Rule { get; }

        internal long Bytes { get; }

        internal static (string Pattern, string From, string To, string Rule) KeyOf(PSObject tensor) =>
            (PatternOf(Get<string>(tensor, "Name")), Get<string>(tensor, "SourceType"), Get<string>(tensor, "Type"), Get<string>(tensor, "Rule"));

        private static string PatternOf(string name) => TensorNames.SplitLayer(name) is (_, string part) ? $"blk.*.{part}" : name;

        private static IEnumerable<int> Layers(IReadOnlyList<PSObject> tensors) =>
            from tensor in tensors
            let split = TensorNames.SplitLayer(Get<string>(tensor, "Name"))
            where split is not null
            select split.Value.Layer <= int.MaxValue ? (int)split.Value.Layer : -1;
    }
}
