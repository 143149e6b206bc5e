using System.Globalization;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Checks;

/// <summary>The tensors that the loader asks for, which of them a file has, and in which shapes.</summary>
/// <param name="file">The model.</param>
/// <param name="architecture">Its architecture.</param>
/// <param name="parameters">Its hyper-parameters.</param>
/// <param name="findings">Receives what is wrong.</param>
internal sealed class RequiredTensors(GgufFile file, string architecture, HyperParameters parameters, List<GgufFinding> findings)
{
    private const int MostNamed = 20;

    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<(string Name, long[] Shape)> _missing = [];

    /// <summary>The tensors that the file lacks.</summary>
    public IReadOnlyList<(string Name, long[] Shape)> Missing => [.. _missing.DistinctBy(tensor => tensor.Name)];

    /// <summary>Asks for queries, keys and values, fused or apart.</summary>
    public void NeedAttention(long[] arguments)
    {
        (long layer, long embedding, long query, long key, long value, RuleFlags flags) = (arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], (RuleFlags)arguments[5]);
        string block = string.Create(CultureInfo.InvariantCulture, $"{TensorNames.LayerPrefix}{layer}.");
        bool isFused = Need($"{block}attn_qkv.weight", RuleFlags.Optional, embedding, query + key + value);
        if (flags.HasFlag(RuleFlags.Unused))
            (isFused, flags) = (false, flags | RuleFlags.Optional);
        if (!isFused)
        {
            Need($"{block}attn_q.weight", flags, embedding, query);
            Need($"{block}attn_k.weight", flags, embedding, key);
            Need($"{block}attn_v.weight", flags, embedding, value);
        }
        if (file.FindTensor($"{block}attn_qkv.weight") is not null && Need($"{block}attn_qkv.bias", RuleFlags.Optional, query + key + value) && !flags.HasFlag(RuleFlags.Unused))
            return;
        Need($"{block}attn_q.bias", RuleFlags.Optional, query);
        Need($"{block}attn_k.bias", RuleFlags.Optional, key);
        Need($"{block}attn_v.bias", RuleFlags.Optional, value);
    }

    /// <summary>Asks for the experts' gate and up projections, fused or apart.</summary>
    public void NeedGateUp(long[] arguments)
    {
        (long layer, long embedding, long width, long experts, RuleFlags flags) = (arguments[0], arguments[1], arguments[2], arguments[3], (RuleFlags)arguments[4]);
        string block = string.Create(CultureInfo.InvariantCulture, $"{TensorNames.LayerPrefix}{layer}.");
        bool isFused = Need($"{block}ffn_gate_up_exps.weight", RuleFlags.Optional, embedding, width * 2, experts);
        if (flags.HasFlag(RuleFlags.Unused))
            (isFused, flags) = (false, flags | RuleFlags.Optional);
        if (isFused)
            return;
        Need($"{block}ffn_gate_exps.weight", flags, embedding, width, experts);
        Need($"{block}ffn_up_exps.weight", flags, embedding, width, experts);
    }

    /// <summary>Asks for a tensor.</summary>
    /// <returns>Whether the file has it and the loader keeps its data.</returns>
    public bool Need(string name, RuleFlags flags, params ReadOnlySpan<long> shape)
    {
        if (file.FindTensor(name) is not { } tensor)
        {
            if (!flags.HasFlag(RuleFlags.Optional))
                _missing.Add((name, shape.ToArray()));
            return false;
        }
        _used.Add(name);
        if (tensor.Type != GgmlType.F32 && name is ("rope_freqs.weight" or "rope_factors_long.weight" or "rope_factors_short.weight"))
            findings.Add(new(FindingSeverity.Error, name, $"It is {tensor.Format}, but llama.cpp takes only f32 here.") { EndsProgramIn = LlamaBuilds.Both });
        if (!Fits(tensor, shape, flags.HasFlag(RuleFlags.Reshape)))
            findings.Add(new(FindingSeverity.Error, name, $"Its shape is {Join(tensor.Shape.AsSpan())}, but llama.cpp expects {Join(shape)} from the metadata.") { EndsProgramIn = HasFurtherDimension(tensor, shape.Length) ? LlamaBuilds.Engine : LlamaBuilds.None });
        return !flags.HasFlag(RuleFlags.Unused);
    }

    // b10221 tries the weight's operation before it compares shapes, and some operations assert their dimensions.
    private static bool HasFurtherDimension(GgufTensor tensor, int expected)
    {
        for (int i = expected; i < tensor.Shape.Length; i++)
        {
            if (tensor.Shape[i] != 1)
                return true;
        }
        return false;
    }

    private static bool Fits(GgufTensor tensor, ReadOnlySpan<long> shape, bool reshape)
    {
        if (reshape)
        {
            long count = 1;
            foreach (long dimension in shape)
                count *= dimension;
            return tensor.ElementCount == count;
        }
        for (int i = 0; i < Math.Max(shape.Length, tensor.Shape.Length); i++)
        {
            if ((i < shape.Length ? shape[i] : 1) != (i < tensor.Shape.Length ? tensor.Shape[i] : 1))
                return false;
        }
        return true;
    }

    private static string Join(ReadOnlySpan<long> shape)
    {
        List<string> numbers = [];
        foreach (long dimension in shape)
            numbers.Add(dimension.ToString(CultureInfo.InvariantCulture));
        return $"[{string.Join(", ", numbers)}]";
    }

    /// <summary>Asks for scales of whole tensors, as in NVFP4 files and those of other tools, which the loader accepts for every weight.</summary>
    public void ClaimScales()
    {
        foreach (GgufTensor tensor in file.Tensors)
        {
            string weight = tensor.Name switch
            {
                _ when tensor.Name.EndsWith(".input_scale", StringComparison.Ordinal) => tensor.Name[..^".input_scale".Length],
                _ when tensor.Name.EndsWith(".scale", StringComparison.Ordinal) => tensor.Name[..^".scale".Length],
                _ => "",
            } + ".weight";
            if (!_used.Contains(weight) || _used.Contains(tensor.Name) || !IsScaled(weight))
                continue;
            Need(tensor.Name, RuleFlags.Optional, weight.Contains("_exps.", StringComparison.Ordinal) ? parameters["n_expert"] : 1);
        }
    }

    private bool IsScaled(string weight) => weight == TensorNames.Output
        ? file.FindTensor(weight)?.Type == GgmlType.NVFP4
        : TensorNames.SplitLayer(weight) is
        {
            Part: "attn_q.weight" or "attn_k.weight" or "attn_v.weight" or "attn_output.weight" or "attn_qkv.weight" or "attn_gate.weight"
            or "ffn_gate.weight" or "ffn_down.weight" or "ffn_up.weight" or "ffn_gate_shexp.weight" or "ffn_down_shexp.weight" or "ffn_up_shexp.weight"
            or "ffn_gate_exps.weight" or "ffn_down_exps.weight" or "ffn_up_exps.weight"
            or "ssm_in.weight" or "ssm_out.weight" or "ssm_alpha.weight" or "ssm_beta.weight" or "nextn.eh_proj.weight" or "nextn.shared_head_head.weight"
        };

    /// <summary>Reports the tensors that the file lacks.</summary>
    public void ReportMissing()
    {
        foreach (IGrouping<string, (string Name, long[] Shape)> group in _missing.DistinctBy(tensor => tensor.Name).GroupBy(tensor => BlockOf(tensor.Name) ?? tensor.Name))
        {
            string[] names = [.. group.Select(tensor => tensor.Name)];
            if (BlockOf(names[0]) is not { } block)
                findings.Add(new(FindingSeverity.Error, names[0], $"The tensor is missing; its shape would be {Join(group.First().Shape)}."));
            else if (file.Tensors.Any(tensor => BlockOf(tensor.Name) == block))
                findings.Add(new(FindingSeverity.Error, block, $"Block {block[(block.LastIndexOf('.') + 1)..]} lacks {Quote(names)}."));
        }
        string[] empty = [.. _missing.Select(tensor => BlockOf(tensor.Name)).OfType<string>().Distinct().Where(block => !file.Tensors.Any(tensor => BlockOf(tensor.Name) == block))];
        if (empty.Length > 0)
            findings.Add(new(FindingSeverity.Error, GgufKeys.BlockCount(architecture), $"The model has {parameters["n_layer_all"]} blocks, but there are no tensors of {Quote(empty)}."));
    }

    /// <summary>Reports the tensors that were not asked for.</summary>
    public void ReportUnknown()
    {
        string[] unknown = [.. file.Tensors.Select(tensor => tensor.Name).Where(name => !_used.Contains(name))];
        if (unknown.Length > 0)
            findings.Add(new(FindingSeverity.Error, unknown[0], $"llama.cpp does not load a model of architecture '{architecture}' with tensors that it does not use: {Quote(unknown)}."));
    }

    private static string Quote(string[] names) =>
        string.Join(", ", names.Take(MostNamed).Select(name => $"'{name}'")) + (names.Length > MostNamed ? $" and {names.Length - MostNamed} more" : "");

    // 'blk.7' of 'blk.7.attn_q.weight', and 'enc.blk.7' of 'enc.blk.7.attn_q.weight'.
    private static string? BlockOf(string name)
    {
        int start = name.IndexOf(TensorNames.LayerPrefix, StringComparison.Ordinal);
        if (start < 0 || (start > 0 && name[start - 1] != '.'))
            return null;
        int end = name.IndexOf('.', start + TensorNames.LayerPrefix.Length);
        return end < 0 ? null : name[..end];
    }
}
