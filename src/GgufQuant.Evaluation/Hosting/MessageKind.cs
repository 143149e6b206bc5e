namespace GgufQuant.Evaluation.Hosting;

/// <summary>The kinds of messages between the engine process and its parent.</summary>
internal enum MessageKind : byte
{
    /// <summary>The child's first message: the secret it was started with.</summary>
    Hello = 1,

    /// <summary>Parent to child: an operation to run.</summary>
    Request,

    /// <summary>Progress of the operation.</summary>
    Progress,

    /// <summary>Progress of loading a model.</summary>
    Loading,

    /// <summary>A line of the engine's log.</summary>
    Log,

    /// <summary>The engine is working.</summary>
    Heartbeat,

    /// <summary>The engine's next call may take longer, by the number of milliseconds in the 64-bit integer that follows.</summary>
    LongCall,

    /// <summary>The operation's result, its last message.</summary>
    Result,

    /// <summary>Why the operation failed, its last message.</summary>
    Failure,
}
