using System.Text;
using System.Text.Json;
using GgufQuant.Evaluation.Hosting.Operations;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>The operations of the engine process, and how requests name them.</summary>
/// <remarks>A request is the operation's name, a line feed, and JSON.</remarks>
internal static class OperationTable
{
    private const byte Separator = (byte)'\n';

    private static readonly Operation[] s_all =
    [
        StartEngine.Operation,
        MeasureReference.Operation,
        MeasureCandidate.Operation,
        GenerateWithReference.Operation,
        GenerateWithCandidate.Operation,
        CollectImatrix.Operation,
        DiscoverInputs.Operation,
        CollectMoments.Operation,
        ProbeGroupOfTensors.Operation,
        ScoreTask.Operation,
        MeasureSpeed.Operation,
        MeasureMemory.Operation,
        ReleaseModels.Operation,
    ];

    /// <summary>Encodes a request.</summary>
    internal static byte[] Encode<TRequest, TResult>(Operation<TRequest, TResult> operation, TRequest request) =>
        [.. Encoding.UTF8.GetBytes(operation.Name), Separator, .. JsonSerializer.SerializeToUtf8Bytes(request, operation.Request)];

    /// <summary>Decodes a request.</summary>
    /// <exception cref="ProtocolException">It names no known operation.</exception>
    internal static Operation Decode(ReadOnlySpan<byte> payload, out ReadOnlySpan<byte> request)
    {
        int length = Math.Max(payload.IndexOf(Separator), 0);
        string name = Encoding.UTF8.GetString(payload[..length]);
        request = payload[length..];
        return Array.Find(s_all, operation => operation.Name == name) ?? throw new ProtocolException("A request names no operation.");
    }
}
