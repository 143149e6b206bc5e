using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>What rounding large models would take, computed from measured speeds, in a Markdown table.</summary>
/// <param name="MomentProducts">Multiply-adds per second and core of collecting moments.</param>
/// <param name="FactorProducts">The same of factorizing them.</param>
/// <param name="Speed">Weights per second and core to round rows of 4,096.</param>
/// <param name="WideSpeed">The same of rows of 14,336.</param>
internal sealed record RoundingEstimate(double MomentProducts, double FactorProducts, double Speed, double WideSpeed)
{
    private const int Cores = 16;

    // Twenty per column of the widest input give nearly all of the gain.
    private const int TokensPerColumn = 20;

    private static readonly (string Name, int Layers, int Width, int KeyWidth, int Inner, int Vocabulary)[] s_models =
        [("Llama 3 8B", 32, 4096, 1024, 14336, 128256), ("Llama 3 70B", 80, 8192, 1024, 28672, 128256)];

    /// <summary>Writes the table.</summary>
    public void Write(TextWriter output)
    {
        output.WriteLine("| model | tokens | moments, minutes | factors, minutes | rounding, minutes | all, minutes |");
        output.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: |");
        foreach ((string name, int layers, int width, int keyWidth, int inner, int vocabulary) in s_models)
        {
            // The inputs of attention, of its output, of the feed-forward network and of its last product.
            (double Columns, double Inputs, double Rows)[] kinds =
            [
                (width, (3 * layers) + 1, (layers * ((2.0 * width) + (2 * keyWidth) + (2 * inner))) + vocabulary),
                (inner, layers, (double)layers * width),
            ];
            int tokens = TokensPerColumn * inner;
            double moments = Minutes(kinds.Sum(kind => kind.Inputs * WideLayer.ProductsPerPosition(kind.Columns)) * tokens / MomentProducts);
            double factors = Minutes(kinds.Sum(kind => kind.Inputs * WideLayer.FactorProducts(kind.Columns)) / FactorProducts);
            double rounding = Minutes(kinds.Sum(kind => kind.Columns * kind.Rows / SpeedAt(kind.Columns)));
            output.WriteLine(Invariant($"| {name} | {tokens:N0} | {moments:F0} | {factors:F1} | {rounding:F0} | {moments + factors + rounding:F0} |"));
        }
    }

    private static double Minutes(double coreSeconds) => coreSeconds / Cores / 60;

    // A weight costs in proportion to its row's length.
    private double SpeedAt(double columns) =>
        columns <= 2 * KernelInput.RowLength ? Speed * KernelInput.RowLength / columns : WideSpeed * WideLayer.Columns / columns;
}
