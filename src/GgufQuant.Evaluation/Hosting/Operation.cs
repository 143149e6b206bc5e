using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>Work the engine process does for its parent.</summary>
/// <param name="Name">Its name in a request.</param>
internal abstract record Operation(string Name)
{
    /// <summary>Runs it in the child.</summary>
    /// <returns>The result's JSON.</returns>
    internal abstract byte[] Run(HostedEngine engine, ReadOnlySpan<byte> request, MessageReporter reporter);
}

/// <summary>An operation with the types of its request and its result.</summary>
/// <param name="Name">Its name in a request.</param>
/// <param name="Request">How the request is serialized.</param>
/// <param name="Result">How the result is serialized.</param>
/// <param name="Body">Does the work in the child.</param>
internal sealed record Operation<TRequest, TResult>(
    string Name,
    JsonTypeInfo<TRequest> Request,
    JsonTypeInfo<TResult> Result,
    Func<HostedEngine, TRequest, IProgress<WorkProgress>, TResult> Body)
    : Operation(Name)
{
    internal override byte[] Run(HostedEngine engine, ReadOnlySpan<byte> request, MessageReporter reporter) =>
        JsonSerializer.SerializeToUtf8Bytes(Body(engine, HostJson.Read(request, Request), new ProgressMessages(reporter)), Result);

    private sealed class ProgressMessages(MessageReporter reporter) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) =>
            reporter.Send(MessageKind.Progress, JsonSerializer.SerializeToUtf8Bytes(value, HostJson.Default.WorkProgress));
    }
}
