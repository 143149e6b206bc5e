using GgufQuant.HuggingFace.Architectures;
using GgufQuant.HuggingFace.Safetensors;
using GgufQuant.HuggingFace.Tensors;
using static GgufQuant.HuggingFace.Architectures.TensorRules;

namespace GgufQuant.HuggingFace;

/// <summary>Lists the tensors of the language model, without the name prefixes of multimodal models.</summary>
/// <remarks>convert_hf_to_gguf's <c>TextModel.filter_tensors</c>.</remarks>
internal static class TensorSelection
{
    private static readonly string[] s_otherParts =
    [
        "mlp*", "vit.*", "vpm.*", "siglip2.*", "conformer.*", "merger.*", "resampler.*", "sound_encoder.*", "sound_projection.*", "speech_embeddings.*",
        "*visual.*", "*vision.*", "*audio.*", "*talker.*", "*vision_*", "*audio_*", "*sam_model*", "*token2wav.*", "*code2wav.*",
        "*projector.*", "*pre_mm_projector_norm*", "*image_newline*", "*view_seperator*", "*patch_embed*", "*patch_embedding*", "*patch_merger.*", "*patch_merge_mlp.*", "*model.connector.*",
    ];

    /// <summary>Lists the tensors to convert.</summary>
    /// <param name="files">The files.</param>
    /// <param name="architecture">The architecture.</param>
    /// <param name="config">The configuration.</param>
    /// <param name="warnings">Receives a sentence if parts of the model are left out.</param>
    internal static List<SourceTensor> Select(WeightFiles files, Architecture architecture, ModelConfig config, List<string> warnings)
    {
        List<SourceTensor> tensors = [];
        Dictionary<string, int> indices = new(StringComparer.Ordinal);
        List<string> others = [];
        foreach (SafetensorsTensor stored in files.Tensors)
        {
            string? name = Rename(architecture, config, stored.Name);
            if (name is null || IsMatch(name, s_otherParts))
            {
                if (name is not null)
                    others.Add(stored.Name);
                continue;
            }
            if (name.EndsWith("e_score_correction_bias", StringComparison.Ordinal))
                name = name.Replace("e_score_correction_bias", "e_score_correction.bias", StringComparison.Ordinal);
            name = name.Replace("language_model.", "", StringComparison.Ordinal);
            if (IsMatch(name, "*.attention.masked_bias", "*.attention.bias", "*.rotary_emb.inv_freq"))
                continue;
            SourceTensor tensor = new(name, StoredValues.Of(stored)) { Stored = stored };
            if (indices.TryAdd(name, tensors.Count))
                tensors.Add(tensor);
            else
                tensors[indices[name]] = tensor;
        }
        if (others.Count > 0)
            warnings.Add($"{others.Count} tensors that are not part of the language model (vision, audio, projectors) are left out, such as '{others[0]}'.");
        return architecture.HasBareNames ? tensors : WithPrefix(tensors, warnings);
    }

    private static string? Rename(Architecture architecture, ModelConfig config, string name)
    {
        string? renamed = name;
        foreach (NameRule rule in architecture.Names)
        {
            if (renamed is not null)
                renamed = rule(config, renamed);
        }
        return renamed;
    }

    // Some fine-tunes save the inner model, whose tensor names lack the prefix.
    private static List<SourceTensor> WithPrefix(List<SourceTensor> tensors, List<string> warnings)
    {
        if (!tensors.Exists(tensor => tensor.Name.StartsWith("layers.", StringComparison.Ordinal)) || tensors.Exists(tensor => tensor.Name.StartsWith("model.", StringComparison.Ordinal)))
            return tensors;
        warnings.Add("The tensors lack the prefix 'model.', which is added.");
        return [.. tensors.Select(tensor => tensor.Name.StartsWith("lm_head", StringComparison.Ordinal) ? tensor : tensor with { Name = $"model.{tensor.Name}" })];
    }
}
