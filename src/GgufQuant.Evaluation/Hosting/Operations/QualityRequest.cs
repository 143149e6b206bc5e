using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Requests a measurement by a <see cref="QualityMeter"/>, which the child keeps for the requests of one session.</summary>
/// <param name="Session">The parent's number for the meter.</param>
/// <param name="Reference">The reference's file.</param>
/// <param name="Corpus">The text's file.</param>
/// <param name="Options">Options of the measurement.</param>
/// <param name="Candidate">The candidate's file; null to measure the reference.</param>
/// <param name="RecordsPath">A file for the records of a candidate's predictions, which are too long for a message; null to keep none.</param>
internal sealed record QualityRequest(long Session, string Reference, string Corpus, QualityOptions Options, string? Candidate, string? RecordsPath)
{
    /// <summary>The meter, created from the text's file if the child has none for the session.</summary>
    internal QualityMeter MeterIn(HostedEngine engine) =>
        engine.Session(Session, () => new QualityMeter(engine.Engine, Reference, CorpusChunks.ReadText(Corpus), Options));
}
