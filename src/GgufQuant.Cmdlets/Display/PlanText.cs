using System.Globalization;
using System.Management.Automation.Host;
using System.Text;
using System.Text.RegularExpressions;
using GgufQuant.Formats;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>A plan as text: layers that fare the same are one line.</summary>
internal static partial class PlanText
{
    internal static string Render(PlannedFile plan, PSHost host)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{Formatting.FileName(plan.Source)} -> {Formatting.FileName(plan.Destination)}: ");
        text.Append(CultureInfo.InvariantCulture, $"{Formatting.Size(plan.SourceSize)} -> {Formatting.Size(plan.Size)} ");
        text.Append(CultureInfo.InvariantCulture, $"({Formatting.Percent(plan.RelativeSize)}), {Formatting.Bits(plan.BitsPerWeight)} bits a weight\n");
        text.Append(CultureInfo.InvariantCulture, $"{Formatting.ShareLine(plan.Shares)}\n\n");

        List<Line> lines = [.. plan.Tensors.GroupBy(Line.KeyOf).Select(group => new Line(group.Key, [.. group]))];
        int name = lines.Max(line => line.Name.Length);
        int change = lines.Max(line => line.Change.Length);
        foreach (Line line in lines)
        {
            string start = $"{line.Name.PadRight(name)}  {line.Change.PadRight(change)}  {Formatting.Size(line.Bytes),9}  ";
            text.Append(Formatting.Wrap(start + line.Rule, host, indent: 0, hanging: start.Length)).Append('\n');
        }
        return text.ToString().TrimEnd('\n');
    }

    [GeneratedRegex(@"^blk\.(\d+)\.")]
    private static partial Regex Layer();

    private sealed class Line
    {
        internal Line((string Pattern, GgmlType From, GgmlType To, string Rule) key, IReadOnlyList<PlannedTensor> tensors)
        {
            Name = key.Pattern.Replace("*", LayerRanges.Text(Layers(tensors)));
            Change = key.From == key.To
                ? $"{BlockFormat.Of(key.From)}"
                : $"{BlockFormat.Of(key.From)} -> {BlockFormat.Of(key.To)}";
            Rule = key.Rule;
            Bytes = tensors.Sum(tensor => tensor.ByteCount);
        }

        internal string Name { get; }

        internal string Change { get; }

        internal string Rule { get; }

        internal long Bytes { get; }

        internal static (string Pattern, GgmlType From, GgmlType To, string Rule) KeyOf(PlannedTensor tensor) =>
            (Layer().Replace(tensor.Name, "blk.*."), tensor.Source.Type, tensor.Target, tensor.Rule);

        private static IEnumerable<int> Layers(IReadOnlyList<PlannedTensor> tensors) =>
            from tensor in tensors
            let match = Layer().Match(tensor.Name)
            where match.Success
            select int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1;
    }
}
