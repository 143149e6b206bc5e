using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Asks for a measurement by a <see cref="QualityMeter"/>, which the child keeps for the requests of the same session.</summary>
/// <param name="Session">The parent's number for the meter.</param>
/// <param name="Reference">The reference's file.</param>
/// <param name="Corpus">The text's file.</param>
/// <param name="Options">How to measure.</param>
/// <param name="Candidate">The candidate's file; null to measure the reference.</param>
internal sealed record QualityRequest(long Session, string Reference, string Corpus, QualityOptions Options, string? Candidate)
{
    /// <summary>The meter, made from the text's file where the child has none for the session.</summary>
    internal QualityMeter MeterIn(HostedEngine engine) =>
        engine.Session(Session, () => new QualityMeter(engine.Engine, Reference, CorpusChunks.ReadText(Corpus), Options));
}
