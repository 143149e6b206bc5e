using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Checks a LoRA adapter, as far as is possible without its model.</summary>
/// <remarks>llama.cpp's <c>llama_adapter_lora_init_impl</c>.</remarks>
internal static class AdapterCheck
{
    private const string First = ".lora_a";
    private const string Second = ".lora_b";

    public static IEnumerable<GgufFinding> Run(GgufFile file, GgufMetadata metadata)
    {
        if (!metadata.TryGetString(GgufKeys.Architecture, out string? architecture) || LoaderRules.Of(architecture) is null)
            yield return Error(GgufKeys.Architecture, architecture is null ? "The key is missing; it must be the architecture of the model that the adapter is for." : $"llama.cpp v0.5.0 knows no architecture '{architecture}'.");
        if (!metadata.TryGetString("adapter.type", out string? type) || type != "lora")
            yield return Error("adapter.type", type is null ? "The key is missing; llama.cpp knows the type 'lora'." : $"llama.cpp knows no adapter of type '{type}', only 'lora'.");
        if (metadata.Find("adapter.lora.alpha") is { Type: not GgufValueType.Float32 } alpha)
            yield return Error(alpha.Key, $"It is of type {alpha.Type}, but llama.cpp takes only {GgufValueType.Float32}.");
        if (metadata.Find("adapter.alora.invocation_tokens") is { ElementType: not GgufValueType.UInt32 } tokens)
            yield return Error(tokens.Key, $"llama.cpp takes only an array of {GgufValueType.UInt32}.");
        if (file.Tensors.Count == 0)
            yield return new(FindingSeverity.Warning, GgufKeys.Kind, "It has no tensors, so it changes nothing.");
        foreach (GgufTensor tensor in file.Tensors)
        {
            string? counterpart = tensor.Name.EndsWith(First, StringComparison.Ordinal) ? tensor.Name[..^First.Length] + Second
                : tensor.Name.EndsWith(Second, StringComparison.Ordinal) ? tensor.Name[..^Second.Length] + First
                : null;
            if (counterpart is null)
            {
                if (!tensor.Name.EndsWith("_norm.weight", StringComparison.Ordinal))
                    yield return Error(tensor.Name, $"An adapter's tensors end in '{First}' or '{Second}'.");
                continue;
            }
            if (file.FindTensor(counterpart) is not { } other)
                yield return Error(tensor.Name, $"It belongs to a tensor '{counterpart}', which is missing.");
            else if (counterpart.EndsWith(Second, StringComparison.Ordinal) && !counterpart.EndsWith($"token_embd.weight{Second}", StringComparison.Ordinal) && tensor.Shape.ElementAtOrDefault(1) != other.RowLength)
                yield return Error(tensor.Name, $"Its rank is {tensor.Shape.ElementAtOrDefault(1)}, but that of '{counterpart}' is {other.RowLength}.");
        }
    }

    private static GgufFinding Error(string subject, string message) => new(FindingSeverity.Error, subject, message);
}
