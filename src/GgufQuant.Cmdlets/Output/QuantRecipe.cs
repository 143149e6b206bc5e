using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>A recipe that New-QuantRecipe has written.</summary>
public sealed class QuantRecipe
{
    internal QuantRecipe(string path, QuantizationPlan plan, string calibration)
    {
        Path = path;
        Model = plan.Source.Path;
        Calibration = calibration;
        Size = plan.TotalBytes;
        BitsPerWeight = plan.BitsPerWeight;
        ExpectedDivergence = plan.Options.Allocation!.Divergence;
        Rules = RecipeFile.CountRules(plan);
        Shares = TensorTypeShare.Of(plan.Shares);
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The full path of the model.</summary>
    public string Model { get; }

    /// <summary>The full path of the calibration.</summary>
    public string Calibration { get; }

    /// <summary>Size in bytes of the file that the recipe makes.</summary>
    public long Size { get; }

    /// <summary>Its average bits per weight.</summary>
    public double BitsPerWeight { get; }

    /// <summary>The expected KL divergence from the model, in nats per token.</summary>
    public double ExpectedDivergence { get; }

    /// <summary>Number of rules in the recipe.</summary>
    public int Rules { get; }

    /// <summary>The file's tensor types and their shares of the weights, largest first.</summary>
    public ValueList<TensorTypeShare> Shares { get; }

    /// <summary>The recipe's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}
