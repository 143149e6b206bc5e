using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>Work that the engine's process does for its parent.</summary>
/// <param name="Name">Its name in a request.</param>
internal abstract record Operation(string Name)
{
    /// <summary>Runs it in the child.</summary>
    /// <returns>The result's JSON.</returns>
    internal abstract byte[] Run(HostedEngine engine, ReadOnlySpan<byte> request, MessageReporter reporter);
}

/// <summary>An operation with the types of what is asked, reported meanwhile and returned.</summary>
/// <param name="Name">Its name in a request.</param>
/// <param name="Request">How the request is written.</param>
/// <param name="Progress">How progress is written.</param>
/// <param name="Result">How the result is written.</param>
/// <param name="Body">Does the work in the child.</param>
internal sealed record Operation<TRequest, TProgress, TResult>(
    string Name,
    JsonTypeInfo<TRequest> Request,
    JsonTypeInfo<TProgress> Progress,
    JsonTypeInfo<TResult> Result,
    Func<HostedEngine, TRequest, IProgress<TProgress>, TResult> Body)
    : Operation(Name)
{
    internal override byte[] Run(HostedEngine engine, ReadOnlySpan<byte> request, MessageReporter reporter) =>
        JsonSerializer.SerializeToUtf8Bytes(Body(engine, HostJson.Read(request, Request), new ProgressMessages(reporter, Progress)), Result);

    private sealed class ProgressMessages(MessageReporter reporter, JsonTypeInfo<TProgress> type) : IProgress<TProgress>
    {
        public void Report(TProgress value) => reporter.Send(MessageKind.Progress, JsonSerializer.SerializeToUtf8Bytes(value, type));
    }
}
