namespace GgufQuant.Evaluation.Engines;

/// <summary>How much a line of llama.cpp's log matters; <c>ggml_log_level</c>'s numbers.</summary>
public enum LlamaLogLevel
{
    /// <summary>No level.</summary>
    None = 0,

    /// <summary>For those who debug the engine.</summary>
    Debug = 1,

    /// <summary>Information.</summary>
    Information = 2,

    /// <summary>A warning.</summary>
    Warning = 3,

    /// <summary>An error.</summary>
    Error = 4,
}
