using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Speed;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>How message content is serialized.</summary>
[JsonSourceGenerationOptions(
    IgnoreReadOnlyProperties = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(DiscoveredInputs))]
[JsonSerializable(typeof(EngineLocation))]
[JsonSerializable(typeof(double[][]))]
[JsonSerializable(typeof(Failure))]
[JsonSerializable(typeof(GenerationRequest))]
[JsonSerializable(typeof(IReadOnlyList<GenerationComparison>))]
[JsonSerializable(typeof(GroupProbe))]
[JsonSerializable(typeof(ImatrixRequest))]
[JsonSerializable(typeof(KlDivergenceResult))]
[JsonSerializable(typeof(LogLine))]
[JsonSerializable(typeof(MomentsRequest))]
[JsonSerializable(typeof(MeasuredMemory))]
[JsonSerializable(typeof(MeasuredRun))]
[JsonSerializable(typeof(ModelLoading))]
[JsonSerializable(typeof(Nothing))]
[JsonSerializable(typeof(PerplexityResult))]
[JsonSerializable(typeof(ProbeRequest))]
[JsonSerializable(typeof(QualityRequest))]
[JsonSerializable(typeof(SpeedRequest))]
[JsonSerializable(typeof(SpeedResult))]
[JsonSerializable(typeof(StartedEngine))]
[JsonSerializable(typeof(TaskRequest))]
[JsonSerializable(typeof(WorkProgress))]
internal sealed partial class HostJson : JsonSerializerContext
{
    /// <summary>Deserializes a message's content.</summary>
    /// <exception cref="ProtocolException">The content is invalid.</exception>
    internal static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new ProtocolException($"A message contains null instead of {typeof(T).Name}.");
        }
        catch (JsonException exception)
        {
            throw new ProtocolException($"A message does not contain {typeof(T).Name}: {exception.Message}");
        }
    }
}
