namespace GgufQuant.Evaluation.Engines;

/// <summary>Sees the inputs of a model's matrix products while a context evaluates.</summary>
public interface IActivationObserver
{
    /// <summary>Whether the product's input should be computed and shown; only names and shapes can be asked here.</summary>
    bool Wants(in MatrixProduct product);

    /// <summary>The product's input, now computed. An exception ends the evaluation and is thrown from it.</summary>
    void Observe(in MatrixProduct product);
}
