namespace GgufQuant.Evaluation.Hosting;

/// <summary>The other process sent something that is not a message of this protocol.</summary>
internal sealed class ProtocolException(string message) : Exception(message);
