using System.Reflection;

namespace GgufQuant.Evaluation.Engines;

/// <summary>The versions this module's engine is built for. llama.cpp's structures change between commits, so no other version works.</summary>
internal static class EngineVersion
{
    /// <summary>ggml's version at <see cref="LlamaCppCommit"/>, as reported by the library.</summary>
    public const string Ggml = "0.18.0";

    /// <summary>llama.cpp's commit (b10221) in the packages of <see cref="LLamaSharp"/>, as returned by <c>ggml_commit</c>.</summary>
    public const string LlamaCppCommit = "815a2a591";

    /// <summary>The version of LLamaSharp and of its backend packages.</summary>
    public static string LLamaSharp { get; } = typeof(EngineVersion).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "LLamaSharpVersion").Value!;

    /// <summary>Both, for messages and reports.</summary>
    public static string Text { get; } = $"LLamaSharp {LLamaSharp} (llama.cpp {LlamaCppCommit})";
}
