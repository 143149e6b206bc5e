using System.Runtime.ExceptionServices;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>A planned file and where it is written.</summary>
/// <param name="Plan">The plan; its source must be open.</param>
/// <param name="Destination">The file; shards get its name with their numbers, see <see cref="QuantizationPlan.PathsAt"/>.</param>
public sealed record QuantizationOutput(QuantizationPlan Plan, string Destination);

/// <summary>What became of one of several files: a result or an exception.</summary>
public sealed class QuantizationOutcome
{
    private readonly QuantizationResult? _result;
    private readonly ExceptionDispatchInfo? _failure;

    internal QuantizationOutcome(QuantizationResult result) => _result = result;

    internal QuantizationOutcome(ExceptionDispatchInfo failure) => _failure = failure;

    /// <summary>Why the file was not written, of the types that <see cref="Quantizer.Run"/> throws; null if it was.</summary>
    public Exception? Exception => _failure?.SourceException;

    /// <summary>The file; throws <see cref="Exception"/> if it was not written.</summary>
    public QuantizationResult Result
    {
        get
        {
            _failure?.Throw();
            return _result!;
        }
    }
}
