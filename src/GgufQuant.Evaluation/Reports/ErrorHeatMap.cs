using GgufQuant.Comparison;
using GgufQuant.Formats;
using GgufQuant.Models;
using static GgufQuant.Evaluation.Reports.ReportText;

namespace GgufQuant.Evaluation.Reports;

/// <summary>The error of each tensor: kinds of tensors down, layers across, a stronger colour for a larger error.</summary>
internal static class ErrorHeatMap
{
    private const string WeightSuffix = ".weight";
    private const double Width = 760;
    private const double Left = 150;
    private const double Right = 16;
    private const double Top = 26;
    private const double RowHeight = 20;
    private const double WidestCell = 44;
    private const int LongestKind = 20;

    /// <summary>The figure; empty for a model without layers.</summary>
    /// <param name="row">The quantization.</param>
    /// <param name="number">Its number in the report.</param>
    /// <param name="largest">The greatest error in the report, which gets the strongest colour.</param>
    public static string Draw(QuantReportRow row, int number, double largest)
    {
        Cell[] cells = [.. row.Weights!.Tensors.Select(Locate).OfType<Cell>()];
        if (cells.Length == 0)
            return "";
        string[] kinds = [.. cells.Select(cell => cell.Kind).Distinct()];
        int layers = cells.Max(cell => cell.Layer) + 1;
        double cellWidth = Math.Min(WidestCell, (Width - Left - Right) / layers);
        SvgBuilder svg = new($"errors-{number}", $"Error of each tensor in {row.Name}", Describe(cells), Width, Top + (kinds.Length * RowHeight) + 4);

        int step = Math.Max(1, (int)Math.Ceiling(26 / cellWidth));
        for (int layer = 0; layer < layers; layer += step)
            svg.Add($"""<text class="tick" x="{Left + ((layer + 0.5) * cellWidth)}" y="{Top - 8}" text-anchor="middle">{layer}</text>""");
        for (int i = 0; i < kinds.Length; i++)
            svg.Add($"""<text class="tick" x="{Left - 10}" y="{Top + (i * RowHeight) + 14}" text-anchor="end">{Html(Shorten(kinds[i], LongestKind))}</text>""");
        foreach (Cell cell in cells)
        {
            double x = Left + (cell.Layer * cellWidth), y = Top + (Array.IndexOf(kinds, cell.Kind) * RowHeight);
            svg.Add($"""<rect class="cell" x="{x}" y="{y}" width="{Math.Max(1, cellWidth - 2)}" height="{RowHeight - 2}" fill-opacity="{Shade(cell.Error, largest)}"><title>{Html(cell.Name)} in {Html(cell.Type)}: {Significant(cell.Error)}</title></rect>""");
        }
        return svg.ToString();
    }

    /// <summary>Tensors outside the layers, which the figure omits.</summary>
    public static IEnumerable<TensorError> Others(QuantReportRow row) =>
        row.Weights!.Tensors.Where(tensor => tensor.RelativeRmsError > 0 && Locate(tensor) is null);

    // Norms and biases are not quantized and would only make the figure longer.
    private static Cell? Locate(TensorError tensor) =>
        TensorNames.SplitLayer(tensor.Name) is ( < 1024 and ulong layer, string part)
            && part.EndsWith(WeightSuffix, StringComparison.Ordinal) && !part.Contains("norm", StringComparison.Ordinal)
            ? new(tensor, (int)layer, part[..^WeightSuffix.Length])
            : null;

    private static double Shade(double error, double largest) => largest > 0 && error > 0 ? 0.06 + (0.94 * Math.Sqrt(error / largest)) : 0.03;

    private static string Describe(Cell[] cells)
    {
        Cell worst = cells.MaxBy(cell => cell.Error)!;
        return $"Layers across, kinds of tensors down, stronger colour for a larger relative error. Largest: {worst.Name} in {worst.Type} with {Significant(worst.Error)}.";
    }

    private sealed record Cell(TensorError Tensor, int Layer, string Kind)
    {
        public string Name => Tensor.Name;

        public string Type => BlockFormat.Of(Tensor.Type).ToString();

        public double Error => Tensor.RelativeRmsError;
    }
}
