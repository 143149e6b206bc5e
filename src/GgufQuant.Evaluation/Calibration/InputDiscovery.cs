using GgufQuant.Calibration;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Finds which weights share an input, from the products that a model computes, without reading data.</summary>
internal sealed class InputDiscovery : IActivationObserver
{
    private readonly List<(nint Input, int Columns, int Matrices, int Uses, List<string> Weights)> _inputs = [];
    private readonly HashSet<string> _weights = new(StringComparer.Ordinal);

    /// <summary>The inputs, in the order of their first product.</summary>
    public IReadOnlyList<CalibratedInput> Inputs =>
        [.. _inputs.Select(input => new CalibratedInput(input.Weights[0], input.Columns, input.Columns, input.Weights) { Matrices = input.Matrices, UsesPerToken = input.Uses })];

    public bool Wants(in MatrixProduct product)
    {
        if (!MomentRules.Wants(product) || !_weights.Add(product.WeightName))
            return false;
        nint id = product.InputId;
        int known = _inputs.FindIndex(input => input.Input == id);
        if (known >= 0)
        {
            _inputs[known].Weights.Add(product.WeightName);
        }
        else
        {
            int matrices = MomentRules.MatricesOf(product);
            _inputs.Add((id, (int)product.InputShape[0], matrices, matrices > 1 ? product.SelectedExperts : 1, [product.WeightName]));
        }
        return false;
    }

    public void Observe(in MatrixProduct product) => throw new NotSupportedException("No product was requested.");
}
