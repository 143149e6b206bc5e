using System.Globalization;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Checks;

/// <summary>Checks a file by the rules of the loader that it is for.</summary>
internal static class ModelCheck
{
    // Image and video models, which stable-diffusion.cpp and ComfyUI load.
    private static readonly string[] s_images =
        ["aura", "cosmos", "flux", "hidream", "hyvid", "ltxv", "lumina2", "qwen_image", "sd1", "sd3", "sdxl", "wan"];

    /// <summary>Checks a file's header.</summary>
    /// <param name="file">The file.</param>
    /// <param name="metadata">Its metadata, or the changed metadata.</param>
    public static IEnumerable<GgufFinding> Run(GgufFile file, GgufMetadata metadata) => ModelKinds.Of(metadata) switch
    {
        ModelKind.Projector => ProjectorCheck.Run(file, metadata),
        ModelKind.Adapter => AdapterCheck.Run(file, metadata),
        ModelKind.ControlVector => ControlVectorCheck.Run(file),
        ModelKind.ImportanceMatrix => ImatrixCheck.Run(file, metadata),
        ModelKind.Calibration => CalibrationCheck.Run(file),
        _ => CheckModel(file, metadata),
    };

    private static GgufFinding Unknown(string kind) =>
        new(FindingSeverity.Information, GgufKeys.Kind, $"The file is of type '{kind}', not a model, so no tensors are expected.");

    private static List<GgufFinding> CheckModel(GgufFile file, GgufMetadata metadata)
    {
        List<GgufFinding> findings = [];
        if (metadata.Find(GgufKeys.Architecture) is null && metadata.TryGetString(GgufKeys.Kind, out string? kind) && kind != "model")
            return [Unknown(kind)];
        if (metadata.Find(GgufKeys.Architecture) is not { } entry)
            return [new(FindingSeverity.Error, GgufKeys.Architecture, "The key is missing, so the architecture is unknown.")];
        if (entry.Value is not string architecture)
            return [new(FindingSeverity.Error, GgufKeys.Architecture, $"It is of type {entry.Type}, so the architecture is unknown.")];
        if (s_images.Contains(architecture, StringComparer.Ordinal))
            return [new(FindingSeverity.Information, GgufKeys.Architecture, $"'{architecture}' is an image or video model, which llama.cpp does not load, so its tensors were not checked.")];
        CheckGeneral(metadata, findings);
        long vocabulary = VocabularyCheck.Run(metadata, architecture, findings);
        if (LoaderRules.Of(architecture) is { } rules)
        {
            // A vocabulary-only file has neither tensors nor a number of blocks.
            bool hasTensors = file.Tensors.Count > 0 || metadata.Contains(GgufKeys.BlockCount(architecture));
            if (hasTensors)
                findings.AddRange(LoaderCheck.Run(file, metadata, architecture, rules, vocabulary, findings.Count(finding => finding.Severity == FindingSeverity.Error) == 0));
            else
                findings.Add(new(FindingSeverity.Information, GgufKeys.Architecture, "The file contains only a vocabulary."));
        }
        else
            return [new(FindingSeverity.Error, GgufKeys.Architecture, $"llama.cpp v0.5.0 knows no architecture '{architecture}'.")];
        findings.AddRange(
            from key in metadata
            where key.Key.StartsWith(architecture + ".", StringComparison.Ordinal) && key.Type == GgufValueType.Float32 && key.Value is float value && !float.IsFinite(value)
            select new GgufFinding(FindingSeverity.Error, key.Key, $"It is {key.Value}, which is not a finite number."));
        CheckEpsilons(metadata, architecture, findings);
        CheckMapping(file, findings);
        return findings;
    }

    // The loader takes any number, but ggml's norms assert that it is not negative once the model runs.
    private static void CheckEpsilons(GgufMetadata metadata, string architecture, List<GgufFinding> findings)
    {
        foreach (string key in (string[])[$"{architecture}.attention.layer_norm_epsilon", $"{architecture}.attention.layer_norm_rms_epsilon"])
        {
            if (metadata.Find(key) is { Type: GgufValueType.Float32, Value: float epsilon } && !(epsilon >= 0))
                findings.Add(new(FindingSeverity.Error, key, $"It is {epsilon.ToString(CultureInfo.InvariantCulture)}, and llama.cpp ends the program when it runs a model whose epsilon is not at least 0.") { EndsProgramIn = LlamaBuilds.Both });
        }
    }

    // ggml's ggml_backend_cpu_buffer_from_ptr asserts this of the mapped data, from the first tensor on.
    private static void CheckMapping(GgufFile file, List<GgufFinding> findings)
    {
        const int MappedAlignment = 32;
        foreach (IGrouping<int, GgufTensor> shard in file.Tensors.GroupBy(tensor => tensor.Shard))
        {
            long start = shard.Min(tensor => tensor.FileOffset);
            if (start % MappedAlignment != 0)
                findings.Add(new(FindingSeverity.Error, GgufKeys.Alignment, $"The tensors' data starts at byte {start} of '{file.Shards[shard.Key].Path}', and llama.cpp maps only what starts at a multiple of {MappedAlignment}.") { EndsProgramIn = LlamaBuilds.Both });
        }
    }

    // The keys that llama.cpp reads from any model, before those of its architecture.
    private static void CheckGeneral(GgufMetadata metadata, List<GgufFinding> findings)
    {
        foreach ((string key, GgufValueType type) in (ReadOnlySpan<(string, GgufValueType)>)[(GgufKeys.Name, GgufValueType.String), (GgufKeys.FileType, GgufValueType.UInt32), ("split.count", GgufValueType.UInt16)])
        {
            if (metadata.Find(key) is { } entry && entry.Type != type)
                findings.Add(new(FindingSeverity.Error, key, $"It is of type {entry.Type}, but llama.cpp takes only {type}."));
        }
    }
}
