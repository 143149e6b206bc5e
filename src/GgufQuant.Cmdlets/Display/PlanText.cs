using System.Globalization;
using System.Management.Automation.Host;
using System.Text;
using System.Text.RegularExpressions;
using GgufQuant.Formats;
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
            Name = key.Pattern.Replace("*", Ranges(tensors));
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

        // 0, 1, 2, 5 reads as 0-2,5.
        private static string Ranges(IReadOnlyList<PlannedTensor> tensors)
        {
            List<int> layers =
            [
                .. from tensor in tensors
                   let match = Layer().Match(tensor.Name)
                   where match.Success
                   let layer = int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1
                   orderby layer
                   select layer,
            ];
            List<string> ranges = [];
            for (int start = 0; start < layers.Count;)
            {
                int end = start;
                while (end + 1 < layers.Count && layers[end + 1] == layers[end] + 1)
                    end++;
                ranges.Add(end == start ? $"{layers[start]}" : $"{layers[start]}-{layers[end]}");
                start = end + 1;
            }
            return string.Join(',', ranges);
        }
    }
}
