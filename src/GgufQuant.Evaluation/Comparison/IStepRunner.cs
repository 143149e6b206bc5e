using GgufQuant.IO;

namespace GgufQuant.Evaluation.Comparison;

/// <summary>Runs the steps of a session, for example on another thread while their progress is shown.</summary>
public interface IStepRunner
{
    /// <summary>Runs a step to completion.</summary>
    /// <param name="activity">What is being done, in a phrase.</param>
    /// <param name="step">The step; it reports progress and observes the token.</param>
    TResult Run<TResult>(string activity, Func<IProgress<WorkProgress>, CancellationToken, TResult> step);
}
