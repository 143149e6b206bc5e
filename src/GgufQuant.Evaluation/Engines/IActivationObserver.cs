namespace GgufQuant.Evaluation.Engines;

/// <summary>Receives the inputs of a model's matrix products while a context evaluates.</summary>
public interface IActivationObserver
{
    /// <summary>Whether the product's input should be computed and observed; only names and shapes are available here.</summary>
    bool Wants(in MatrixProduct product);

    /// <summary>Receives the product's computed input. An exception ends the evaluation, which rethrows it.</summary>
    void Observe(in MatrixProduct product);
}
