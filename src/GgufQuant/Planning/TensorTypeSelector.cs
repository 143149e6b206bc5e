using GgufQuant.Models;
using static GgufQuant.Formats.GgmlType;
using BlockFormat = GgufQuant.Formats.BlockFormat;
using FileType = GgufQuant.Formats.FileType;
using GgmlType = GgufQuant.Formats.GgmlType;

namespace GgufQuant.Planning;

/// <summary>Chooses each tensor's type as llama.cpp's quantizer does.</summary>
/// <remarks>
/// llama.cpp's <c>llama_tensor_get_type</c> and <c>llama_tensor_get_type_impl</c>, in llama-quant.cpp. Tensors must come
/// in the order they are written in: for dense models the rules depend on how many value and feed-forward tensors they
/// have seen, so a tensor that an override takes away shifts those after it, as in llama.cpp.
/// </remarks>
internal sealed class TensorTypeSelector(FileType fileType, ModelTraits model, QuantizationOptions options)
{
    private readonly FileTypeRules _rules = FileTypeTable.Of(fileType);
    private readonly ImageModelRules? _imageRules = ImageModelRules.Of(model.Architecture);
    private int _values;
    private int _downs;
    private int _gates;
    private int _ups;

    /// <summary>The type of the next tensor.</summary>
    /// <param name="name">The tensor's name in the file to be written.</param>
    /// <param name="type">The type it has.</param>
    /// <param name="shape">Its shape, row length first.</param>
    /// <exception cref="QuantizationException">The tensor's rows suit no type the rules have, or its name does not give its layer.</exception>
    internal TypeChoice Next(string name, GgmlType type, ReadOnlySpan<long> shape)
    {
        if (ReasonToKeep(name, shape) is { } reason)
            return new(type, reason);

        TensorRole role = TensorNames.RoleOf(name);
        if (options.TokenEmbeddingType is { } embedding && role == TensorRole.TokenEmbedding)
            return new(embedding, "requested token embedding type");
        if (options.OutputTensorType is { } output && role == TensorRole.Output)
            return new(output, "requested output tensor type");
        if (!BlockFormat.Of(_rules.Default).IsQuantized)
            return Default();

        if ((Override(name) ?? Allocated(name)) is { } requested)
            return TypeFallback.For(requested, name, shape[0]);
        if (_imageRules is not null && !options.Pure)
            return _imageRules.Next(fileType, _rules.Default, name, shape[0]);
        return TypeFallback.For(options.Pure ? new(_rules.Default, "pure: one type for all") : ByRules(name, role, shape), name, shape[0]);
    }

    /// <summary>Whether a tensor may be quantized and no option has a type for it.</summary>
    internal bool LeavesOpen(string name, ReadOnlySpan<long> shape)
    {
        TensorRole role = TensorNames.RoleOf(name);
        bool isOutput = role == TensorRole.Output || (role == TensorRole.TokenEmbedding && model.TiedEmbeddings);
        return ReasonToKeep(name, shape) is null
            && (options.TokenEmbeddingType is null || role != TensorRole.TokenEmbedding)
            && (options.OutputTensorType is null || !isOutput)
            && Override(name) is null;
    }

    private string? ReasonToKeep(string name, ReadOnlySpan<long> shape) =>
        QuantizableTensors.ReasonToKeep(name, shape, options.LeaveOutputTensor) ?? _imageRules?.ReasonToKeep(name, shape);

    private TypeChoice Default() => new(_rules.Default, $"the type of {fileType}");

    private TypeChoice? Override(string name)
    {
        foreach (TensorTypeRule rule in options.TensorTypes)
        {
            if (rule.Matches(name))
                return new(rule.Type, $"requested by tensor type '{rule.Pattern}'");
        }
        return null;
    }

    private TypeChoice? Allocated(string name) => options.Allocation?.Types.TryGetValue(name, out AllocatedType? allocated) == true
        ? new(allocated.Type, $"allocated, {allocated.Group}")
        : null;

    private TypeChoice ByRules(string name, TensorRole role, ReadOnlySpan<long> shape)
    {
        if (role == TensorRole.Output || (role == TensorRole.TokenEmbedding && model.TiedEmbeddings))
            return Output(role, shape[0]);
        if (fileType == FileType.MXFP4_MOE)
            return ExpertsOnly(role, shape);
        if (role == TensorRole.TokenEmbedding)
            return _rules.Embedding is { } embedding ? new(embedding, "token embedding") : Default();
        TypeChoice? choice = _rules.IsBelowThreeBits ? BelowThreeBits(role) : Layered(name, role);
        return choice is { } found ? found with { Rule = $"{Describe(role)}: {found.Rule}" } : Default();
    }

    private TypeChoice Output(TensorRole role, long rowLength)
    {
        string what = role == TensorRole.Output ? "output" : "token embedding that is also the output";
        if (options.OutputTensorType is { } asked)
            return new(asked, $"{what}: requested output tensor type");
        if (model.IsFalcon)
            return new(Q8_0, $"{what}: falcon");
        if (fileType != FileType.MXFP4_MOE && rowLength % BlockFormat.Of(_rules.Default).BlockSize != 0)
            return new(Q8_0, $"{what}: rows of {rowLength} are not whole blocks");
        return new(_rules.Output, what);
    }

    // Projections of latent attention are three-dimensional too; in this one architecture the role distinguishes them.
    private TypeChoice ExpertsOnly(TensorRole role, ReadOnlySpan<long> shape)
    {
        bool isExpert = shape.Length > 2 && shape[2] > 1
            && (model.Architecture != "bailingmoe3" || role is TensorRole.FfnUp or TensorRole.FfnGate or TensorRole.FfnDown);
        return isExpert ? new(MXFP4, "expert") : new(Q8_0, "not an expert");
    }

    private TypeChoice? BelowThreeBits(TensorRole role)
    {
        switch (role)
        {
            case TensorRole.AttentionV or TensorRole.AttentionQkv or TensorRole.AttentionKvB:
                return _rules.Value!(new(model, _values++, model.ValueTensors));
            case TensorRole.AttentionK when model.HasEightExperts:
                return new(Q4_K, "8 experts");
            case TensorRole.FfnDown:
                return _rules.Down!(new(model, _downs++, model.Layers));
            case TensorRole.AttentionOutput when model.HasEightExperts:
                return new(Q5_K, "8 experts");
            case TensorRole.AttentionOutput:
                return _rules.AttentionOutput?.Invoke(new(model, 0, model.Layers));
            default:
                return null;
        }
    }

    private TypeChoice? Layered(string name, TensorRole role)
    {
        switch (role)
        {
            case TensorRole.AttentionV or TensorRole.AttentionQkv or TensorRole.AttentionKvB:
                return Value();
            case TensorRole.AttentionK when model.HasEightExperts:
                return new(Q8_0, "8 experts");
            case TensorRole.AttentionK:
                return _rules.Key?.Invoke(new(model, 0, model.Layers));
            case TensorRole.AttentionQ:
                return _rules.Query?.Invoke(new(model, 0, model.Layers));
            case TensorRole.AttentionOutput:
                return AttentionOutput();
            case TensorRole.FfnDown:
                return _rules.Down?.Invoke(new(model, Layer(name, ref _downs), model.Layers));
            case TensorRole.FfnGate:
                return _rules.GateOrUp?.Invoke(new(model, Layer(name, ref _gates), model.Layers));
            case TensorRole.FfnUp:
                return _rules.GateOrUp?.Invoke(new(model, Layer(name, ref _ups), model.Layers));
            default:
                return null;
        }
    }

    private TypeChoice? Value()
    {
        TypeChoice? choice = _rules.Value?.Invoke(new(model, _values, model.ValueTensors));
        _values++;
        if (model.HasEightExperts)
            return new(Q8_0, "8 experts");
        return model.Is70B && (choice?.Type ?? _rules.Default) is Q3_K or Q4_K ? new(Q5_K, "70B: an eighth of the queries' size") : choice;
    }

    private TypeChoice? AttentionOutput()
    {
        if (model.IsFalcon)
            return fileType == FileType.Q3_K_L ? _rules.AttentionOutput!(new(model, 0, model.Layers)) : null;
        if (model.HasEightExperts)
            return _rules.LiftsEightExpertOutput ? new(Q5_K, "8 experts") : null;
        return _rules.AttentionOutput?.Invoke(new(model, 0, model.Layers));
    }

    // The experts of a layer may be separate tensors, so the count of tensors does not give the layer.
    private int Layer(string name, ref int seen)
    {
        int running = seen++;
        if (model.Experts <= 1)
            return running;
        int layer = TensorNames.LayerOf(name) ?? throw new QuantizationException($"Cannot determine the layer of tensor '{name}', which MoE type selection needs.");
        return layer >= 0 && layer < model.Layers
            ? layer
            : throw new QuantizationException($"Tensor '{name}' is in layer {layer}, but the model has {model.Layers} layers.");
    }

    private static string Describe(TensorRole role) => role switch
    {
        TensorRole.AttentionQkv => "attn_qkv",
        TensorRole.AttentionKvB => "attn_kv_b",
        TensorRole.AttentionV => "attn_v",
        TensorRole.AttentionK => "attn_k",
        TensorRole.AttentionQ => "attn_q",
        TensorRole.AttentionOutput => "attn_output",
        TensorRole.FfnUp => "ffn_up",
        TensorRole.FfnGate => "ffn_gate",
        _ => "ffn_down",
    };
}
