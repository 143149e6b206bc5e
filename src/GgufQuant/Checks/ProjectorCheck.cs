using System.Collections.Frozen;
using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Checks the keys of a projector for images or audio, and the tensors that its type needs.</summary>
/// <remarks>llama.cpp's <c>clip_model_loader</c>.</remarks>
internal static class ProjectorCheck
{
    private static readonly FrozenSet<string> s_types =
        """
        mlp ldp ldpv2 resampler adapter qwen2vl_merger qwen2.5vl_merger qwen3vl_merger step3vl gemma3 gemma3nv gemma3na gemma4v gemma4a gemma4uv gemma4ua phi4
        idefics3 pixtral ultravox internvl llama4 qwen2a qwen3a glma qwen2.5o voxtral meralion musicflamingo lfm2 kimivl paddleocr lightonocr cogvlm janus_pro
        dots_ocr dots3note_v dots3note_a deepseekocr deepseekocr2 deepseek4v lfm2a glm4v youtuvl yasa2 kimik25 nemotron_v2_vl exaone4_5 hunyuanvl minicpmv4_6
        granite_speech mimovl minimax_m3 granite4_vision mimo_audio parakeet qwen3tts_spkenc qwen3tts_gen pockettts_spkenc pockettts_gen muse-glimmer
        """.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    private static readonly (string Flag, string Part, string Name)[] s_encoders =
        [("clip.has_vision_encoder", "clip.vision", "images"), ("clip.has_audio_encoder", "clip.audio", "sound"), ("clip.has_gen_audio_encoder", "clip.gen.audio", "speech")];

    private const int MostNamed = 20;

    private static readonly string[] s_numbers = ["embedding_length", "attention.head_count", "feed_forward_length", "block_count", "projection_dim"];

    public static IEnumerable<GgufFinding> Run(GgufFile file, GgufMetadata metadata)
    {
        List<GgufFinding> findings = [];
        bool any = false;
        foreach ((string flag, string part, string name) in s_encoders)
        {
            if (metadata.Find(flag) is not { } entry)
                continue;
            if (entry.Value is not bool has)
            {
                findings.Add(Error(flag, $"It is of type {entry.Type}, but llama.cpp takes only {GgufValueType.Boolean}."));
                continue;
            }
            any |= has;
            if (has)
                CheckEncoder(file, metadata, part, findings);
        }
        if (!any && findings.Count == 0)
            findings.Add(Error(s_encoders[0].Flag, "No key says whether it is for images or for audio."));
        if (file.Tensors.Count == 0)
            findings.Add(Error(GgufKeys.Architecture, "It has no tensors."));
        return findings;
    }

    private static void CheckEncoder(GgufFile file, GgufMetadata metadata, string part, List<GgufFinding> findings)
    {
        int before = findings.Count;
        const string Type = "clip.projector_type";
        if ((!metadata.TryGetString(Type, out string? type) || type.Length == 0) && !metadata.TryGetString($"{part}.projector_type", out type))
            findings.Add(Error(Type, "The key is missing, and llama.cpp does not load a projector without it."));
        else if (!s_types.Contains(type))
            findings.Add(Error(Type, $"llama.cpp v0.5.0 knows no projector of type '{type}'."));
        foreach (string number in s_numbers)
            Require(metadata, $"{part}.{number}", GgufValueType.UInt32, findings);
        Require(metadata, $"{part}.attention.layer_norm_epsilon", GgufValueType.Float32, findings);
        if (part == "clip.audio")
            Require(metadata, $"{part}.num_mel_bins", GgufValueType.UInt32, findings);
        if (part == "clip.vision")
            CheckImages(metadata, part, findings);
        if (findings.Count == before && metadata.TryGetUInt64($"{part}.block_count", out ulong blocks))
            findings.AddRange(FindMissing(file, OfEncoder(type!, part), (long)blocks));
    }

    private static void CheckImages(GgufMetadata metadata, string part, List<GgufFinding> findings)
    {
        Require(metadata, $"{part}.image_size", GgufValueType.UInt32, findings);
        Require(metadata, $"{part}.patch_size", GgufValueType.UInt32, findings);
        foreach (string array in (string[])["image_mean", "image_std"])
        {
            if (metadata.Find($"{part}.{array}") is not { ElementType: GgufValueType.Float32, Count: >= 3 })
                findings.Add(Error($"{part}.{array}", $"llama.cpp needs an array of three {GgufValueType.Float32} here."));
        }
    }

    private static IEnumerable<GgufFinding> FindMissing(GgufFile file, string type, long blocks) =>
        from name in ProjectorRules.TensorsOf(type, blocks).Where(name => file.FindTensor(name) is null).Take(MostNamed)
        select Error(name, $"The tensor is missing, and llama.cpp does not load a projector of type '{type}' without it.");

    // A type for both encoders stands for one of each.
    private static string OfEncoder(string type, string part) => (type, part) switch
    {
        ("qwen2.5o", "clip.vision") => "qwen2.5vl_merger",
        ("qwen2.5o", _) => "qwen2a",
        _ => type,
    };

    private static void Require(GgufMetadata metadata, string key, GgufValueType type, List<GgufFinding> findings)
    {
        if (metadata.Find(key) is not { } entry)
            findings.Add(Error(key, "The key is missing, and llama.cpp does not load a projector without it."));
        else if (entry.Type != type)
            findings.Add(Error(key, $"It is of type {entry.Type}, but llama.cpp takes only {type}."));
        else if (entry.Value is uint and > int.MaxValue)
            findings.Add(Error(key, $"It is {entry.Value}, more than llama.cpp takes."));
    }

    private static GgufFinding Error(string subject, string message) => new(FindingSeverity.Error, subject, message);
}
