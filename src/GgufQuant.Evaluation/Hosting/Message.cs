namespace GgufQuant.Evaluation.Hosting;

/// <summary>A message between the engine process and its parent.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Payload">Its content, at most <see cref="MessageChannel.MaximumLength"/> bytes.</param>
internal readonly record struct Message(MessageKind Kind, byte[] Payload);
