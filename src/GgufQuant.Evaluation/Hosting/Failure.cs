using GgufQuant.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>An exception sent between processes: the parent rethrows what the child caught.</summary>
/// <param name="Type">The name of its type, or of the nearest base type known here.</param>
/// <param name="Message">Its message.</param>
/// <param name="Path">The file concerned.</param>
/// <param name="Tokens">Number of tokens of a text that is too short.</param>
/// <param name="Required">Number of tokens it needs.</param>
internal sealed record Failure(string Type, string Message, string? Path = null, int Tokens = 0, int Required = 0)
{
    private static readonly Dictionary<string, Func<Failure, Exception>> s_types = new()
    {
        [nameof(EngineMissingException)] = failure => new EngineMissingException(failure.Message),
        [nameof(EngineVersionException)] = failure => new EngineVersionException(failure.Message),
        [nameof(UnknownArchitectureException)] = failure => new UnknownArchitectureException(failure.Path ?? "", failure.Message),
        [nameof(MissingVocabularyException)] = failure => new MissingVocabularyException(failure.Path ?? ""),
        [nameof(ModelLoadException)] = failure => new ModelLoadException(failure.Path ?? "", failure.Message),
        [nameof(VocabularyMismatchException)] = failure => new VocabularyMismatchException(failure.Message),
        [nameof(CorpusTooShortException)] = failure => new CorpusTooShortException(failure.Message, failure.Tokens, failure.Required),
        [nameof(LogitsFormatException)] = failure => new LogitsFormatException(failure.Message),
        [nameof(TaskDataException)] = failure => new TaskDataException(failure.Message),
        [nameof(CalibrationException)] = failure => new CalibrationException(failure.Message),
        [nameof(QuantizationException)] = failure => new QuantizationException(failure.Message),
        [nameof(InferenceException)] = failure => new InferenceException(failure.Message),
        [nameof(FileNotFoundException)] = failure => new FileNotFoundException(failure.Message, failure.Path),
        [nameof(IOException)] = failure => new IOException(failure.Message),
        [nameof(UnauthorizedAccessException)] = failure => new UnauthorizedAccessException(failure.Message),
        [nameof(InvalidDataException)] = failure => new InvalidDataException(failure.Message),
    };

    /// <summary>Describes an exception in the child.</summary>
    internal static Failure Of(Exception exception)
    {
        string type = KnownTypeOf(exception);
        return exception switch
        {
            ModelLoadException load => new(type, load.Message, load.Path),
            CorpusTooShortException text => new(type, text.Message, Tokens: text.Tokens, Required: text.Required),
            FileNotFoundException file => new(type, file.Message, file.FileName),
            _ => new(type, exception.Message),
        };
    }

    /// <summary>The exception to throw in the parent.</summary>
    internal Exception ToException() => s_types.TryGetValue(Type, out Func<Failure, Exception>? create) ? create(this) : new InferenceException(Message);

    private static string KnownTypeOf(Exception exception)
    {
        for (Type? type = exception.GetType(); type is not null; type = type.BaseType)
        {
            if (s_types.ContainsKey(type.Name))
                return type.Name;
        }
        return nameof(InferenceException);
    }
}
