namespace GgufQuant.Evaluation.Engines;

/// <summary>The level of a llama.cpp log line, numbered as <c>ggml_log_level</c>.</summary>
public enum LlamaLogLevel
{
    /// <summary>No level.</summary>
    None = 0,

    /// <summary>For debugging the engine.</summary>
    Debug = 1,

    /// <summary>Information.</summary>
    Information = 2,

    /// <summary>A warning.</summary>
    Warning = 3,

    /// <summary>An error.</summary>
    Error = 4,
}
