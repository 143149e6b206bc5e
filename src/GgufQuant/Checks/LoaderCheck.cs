using System.Globalization;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Checks;

/// <summary>Loads a model's header like llama.cpp v0.5.0, and reports where that fails.</summary>
/// <remarks>llama.cpp's <c>llama_model_base::load_hparams</c> and <c>load_tensors</c>.</remarks>
internal sealed class LoaderCheck
{
    private const int MaxExperts = 1024;

    // Limits what rules can do, because numbers from the file bound their loops.
    private const int MaxSteps = 200_000;
    private const int MostNamed = 20;

    private readonly GgufFile _file;
    private readonly GgufMetadata _metadata;
    private readonly string _architecture;
    private readonly LoaderRules _rules;
    private readonly List<GgufFinding> _findings = [];
    private readonly HyperParameters _parameters;
    private readonly KeyReader _keys;
    private readonly Dictionary<string, DefinitionRule> _definitions = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<(string Name, long[] Shape)> _missing = [];
    private int _steps;

    private LoaderCheck(GgufFile file, GgufMetadata metadata, string architecture, LoaderRules rules)
    {
        _file = file;
        _metadata = metadata;
        _architecture = architecture;
        _rules = rules;
        _parameters = new(architecture, file.FindTensor);
        _keys = new(metadata, architecture, _findings);
    }

    /// <summary>Checks a model's keys and tensors.</summary>
    /// <param name="file">The model.</param>
    /// <param name="metadata">Its metadata.</param>
    /// <param name="architecture">Its architecture.</param>
    /// <param name="rules">The architecture's rules.</param>
    /// <param name="vocabulary">The number of tokens in its vocabulary.</param>
    /// <param name="hasTensors">Whether it has more than a vocabulary.</param>
    public static IEnumerable<GgufFinding> Run(GgufFile file, GgufMetadata metadata, string architecture, LoaderRules rules, long vocabulary, bool hasTensors)
    {
        return new LoaderCheck(file, metadata, architecture, rules).Check(vocabulary, hasTensors);
    }

    private List<GgufFinding> Check(long vocabulary, bool hasTensors)
    {
        try
        {
            ReadKeys();
            RunPart(_rules.Keys, new(_parameters));
            if (_findings.Count == 0 && hasTensors)
                WalkTensors(vocabulary);
        }
        catch (RuleFailedException exception)
        {
            _findings.Add(new(FindingSeverity.Error, GgufKeys.Architecture, $"llama.cpp does not load this '{_architecture}' model: {exception.Message}.") { EndsProgram = exception.EndsProgram });
        }
        return _findings;
    }

    /// <summary>The tensors that a model lacks but its metadata requires.</summary>
    internal static IReadOnlyList<(string Name, long[] Shape)> FindMissing(GgufFile file)
    {
        if (!file.Metadata.TryGetString(GgufKeys.Architecture, out string? architecture) || LoaderRules.Of(architecture) is not { } rules)
            return [];
        LoaderCheck check = new(file, file.Metadata, architecture, rules);
        _ = check.Check(VocabularyCheck.Run(file.Metadata, architecture, []), hasTensors: true);
        return [.. check._missing.DistinctBy(tensor => tensor.Name)];
    }

    // The keys of every architecture, in llama.cpp's order: each may depend on earlier ones.
    private void ReadKeys()
    {
        Read("context_length", "n_ctx_train", isOptional: false);
        Read("embedding_length", "n_embd", isOptional: false);
        Read("embedding_length_out", "n_embd_out_impl");
        Read("attention.causal", "causal_attn", type: GgufValueType.Boolean);
        Read("pooling_type", "pooling_type");
        if (!Read("block_count", "n_layer_all", isOptional: false))
            throw new RuleFailedException("the number of its blocks is unknown");
        Require(_parameters["n_layer_all"] is > 0 and <= HyperParameters.MaxLayers, $"'{_keys.FullKey("block_count")}' is {_parameters["n_layer_all"]}, not 1 to {HyperParameters.MaxLayers}");
        Read("nextn_predict_layers", "n_layer_nextn");
        Require(_parameters["n_layer_nextn"] <= _parameters["n_layer_all"], $"'{_keys.FullKey("nextn_predict_layers")}' exceeds the number of blocks");
        Read("expert_count", "n_expert");
        ReadPerLayer("expert_used_count", "n_expert_used");
        Read("expert_group_count", "n_expert_groups");
        Read("expert_group_used_count", "n_group_used");
        if (_architecture is "hunyuan_vl" or "hunyuan-dense" && _parameters["n_expert"] <= 1)
        {
            _parameters["n_expert"] = 0;
            _parameters.Fill("n_expert_used", 0);
        }
        if (_architecture == "wavtokenizer-dec")
            ReadVocoder();
        RequireExperts();
        ReadPerLayer("feed_forward_length", "n_ff");
        ReadPerLayer("attention.head_count", "n_head");
        _parameters.SetList("n_head_kv", [.. Enumerable.Range(0, HyperParameters.MaxLayers).Select(i => _parameters.Element("n_head", i))]);
        ReadPerLayer("attention.head_count_kv", "n_head_kv");
        ReadRope();
        ReadHeads();
        if (_keys.FullKey("classifier.output_labels") is var labels && _metadata.Find(labels) is { Type: GgufValueType.Array, Count: > 0 } list)
        {
            if (list.ElementType == GgufValueType.String)
                _parameters["n_cls_out"] = list.Count;
            else
                _findings.Add(new(FindingSeverity.Error, labels, $"Its elements are {list.ElementType}, but llama.cpp takes only {GgufValueType.String}."));
        }
        _parameters.Fill("is_recr", _architecture is "mamba" or "mamba2" or "rwkv6" or "rwkv6qwen2" or "rwkv7" or "arwkv7" ? 1 : 0);
    }

    private void ReadVocoder()
    {
        Read("features_length", "n_embd", isOptional: false);
        Read("embedding_length", "n_embd_out_impl", isOptional: false);
        foreach (string part in (string[])["posnet", "convnext"])
        {
            Read($"{part}.embedding_length", $"{part}_n_embd", isOptional: false);
            Read($"{part}.block_count", $"{part}_n_layer", isOptional: false);
            Require(_parameters[$"{part}_n_layer"] <= _parameters["n_layer_all"], $"'{_keys.FullKey($"{part}.block_count")}' exceeds the number of blocks");
        }
    }

    private void RequireExperts()
    {
        long experts = _parameters["n_expert"];
        long used = Enumerable.Range(0, (int)_parameters["n_layer_all"]).Max(i => _parameters.Element("n_expert_used", i));
        long groups = _parameters["n_expert_groups"];
        Require(experts <= MaxExperts, $"it has {experts} experts, more than {MaxExperts}");
        Require(used <= experts, $"it uses {used} of {experts} experts");
        Require((used > 0) == (experts > 0), "it has experts, but uses none");
        Require(experts == 0 ? groups == 0 : groups < experts, $"it has {groups} groups of {experts} experts");
        if (groups > 1)
            Require(experts % groups == 0 && _parameters["n_group_used"] > 0 && _parameters["n_group_used"] < groups, $"{_parameters["n_group_used"]} of its {groups} groups of experts are used");
    }

    private void ReadRope()
    {
        Read("rope.scaling.finetuned", "rope_finetuned", type: GgufValueType.Boolean);
        _parameters["n_ctx_orig_yarn"] = _parameters["n_ctx_train"];
        Read("rope.scaling.original_context_length", "n_ctx_orig_yarn");
        Read("rope.freq_base", "rope_freq_base_train", type: GgufValueType.Float32);
        if (_keys.TryRead("rope.scaling.type", GgufValueType.String, isOptional: true, out _) && _metadata.TryGetString(_keys.FullKey("rope.scaling.type"), out string? scaling))
        {
            int type = Array.IndexOf(["none", "linear", "yarn", "longrope"], scaling);
            Require(type >= 0, $"'{_keys.FullKey("rope.scaling.type")}' is '{scaling}'");
            _parameters["rope_scaling_type_train"] = type;
        }
        else
            _parameters["rope_scaling_type_train"] = 1;
        if (!Read("rope.scaling.factor", "rope_scale", type: GgufValueType.Float32))
            Read("rope.scale_linear", "rope_scale", type: GgufValueType.Float32);
        Read("rope.scaling.attn_factor", "rope_attn_factor", type: GgufValueType.Float32);
        Read("rope.scaling.alpha", "rope_scaling_alpha", type: GgufValueType.Float32);
    }

    private void ReadHeads()
    {
        long heads = _parameters.Element("n_head", 0);
        if (heads > 0)
        {
            _parameters["n_embd_head_k_full"] = _parameters["n_embd_head_v_full"] = _parameters["n_embd"] / heads;
            Read("attention.key_length", "n_embd_head_k_full");
            Read("attention.value_length", "n_embd_head_v_full");
            _parameters["n_rot_full"] = _parameters["n_embd_head_k_full"];
            Read("rope.dimension_count", "n_rot_full");
            if (_architecture is "llama" or "deci" or "falcon" or "llama-embed")
                Require(_parameters["n_rot_full"] == _parameters["n_embd_head_k_full"], $"'{_keys.FullKey("rope.dimension_count")}' is {_parameters["n_rot_full"]}, but a head has {_parameters["n_embd_head_k_full"]} dimensions", endsProgram: false);
        }
        foreach (string name in (string[])["n_embd_head_k", "n_embd_head_v", "n_rot"])
            _parameters[$"{name}_swa"] = _parameters[$"{name}_full"];
        Read("attention.key_length_swa", "n_embd_head_k_swa");
        Read("attention.value_length_swa", "n_embd_head_v_swa");
        Read("rope.dimension_count_swa", "n_rot_swa");
    }

    private bool Read(string key, string name, GgufValueType type = GgufValueType.UInt32, bool isOptional = true)
    {
        if (!_keys.TryRead(key, type, isOptional, out long value))
            return false;
        _parameters[name] = value;
        return true;
    }

    private void ReadPerLayer(string key, string name)
    {
        if (_keys.ReadValueOrArray(key, GgufValueType.UInt32, _parameters["n_layer_all"], isOptional: true) is { } values)
            _parameters.SetList(name, values);
    }

    private static void Require(bool condition, string otherwise, bool endsProgram = true)
    {
        if (!condition)
            throw new RuleFailedException(otherwise, endsProgram);
    }

    private void WalkTensors(long vocabulary)
    {
        RuleScope scope = new(_parameters);
        scope.Define("n_vocab", vocabulary);
        scope.Define("n_token_types", _metadata.TryGetUInt64("tokenizer.ggml.token_type_count", out ulong types) ? (long)types : 0);
        scope.Define("n_layer", _parameters.LayerCount);
        foreach (string name in (string[])["n_head", "n_head_kv", "n_ff", "n_expert_used", "n_embd_k_gqa", "n_embd_v_gqa", "n_embd_head_k", "n_embd_head_v", "n_rot"])
            scope.Define(name, _parameters.Call(name, [0]));
        scope.Define("n_embd_gqa", scope.Get("n_embd_v_gqa"));
        RunPart(_rules.Tensors, scope.Nested());
        ReportMissing();
        ClaimScales();
        ReportUnknown();
    }

    private void RunPart(IEnumerable<RuleStatement> statements, RuleScope scope) => _ = Run(statements, scope);

    // False once a rule has ended the part.
    private bool Run(IEnumerable<RuleStatement> statements, RuleScope scope)
    {
        foreach (RuleStatement statement in statements)
        {
            Require(++_steps < MaxSteps, "it would have more parts than a model can have", endsProgram: false);
            switch (statement)
            {
                case StopRule:
                    return false;
                case FailRule { Message: var message }:
                    throw new RuleFailedException(message);
                case RequireRule { Condition: var condition }:
                    Require(condition.Evaluate(scope) != 0, $"it requires {condition}");
                    break;
                case KeyRule key:
                    Run(key, scope);
                    break;
                case TensorRule tensor:
                    Run(tensor, scope);
                    break;
                case LetRule { IsLocal: true } let:
                    scope.Define(let.Variable, let.Value.Evaluate(scope));
                    break;
                case LetRule let:
                    scope.Assign(let.Variable, let.Value.Evaluate(scope));
                    break;
                case ElementRule { Index: { } index } element:
                    _parameters.SetElement(element.List, index.Evaluate(scope), element.Value.Evaluate(scope));
                    break;
                case ElementRule element:
                    _parameters.Fill(element.List, element.Value.Evaluate(scope));
                    break;
                case IfRule choice:
                    if (!Run(choice.Condition.Evaluate(scope) != 0 ? choice.Then : choice.Else, scope.Nested()))
                        return false;
                    break;
                case ForRule loop:
                    if (!Run(loop, scope))
                        return false;
                    break;
                case DefinitionRule definition:
                    _definitions[definition.Name] = definition;
                    break;
                case CallRule call:
                    Run(call, scope);
                    break;
            }
        }
        return true;
    }

    private bool Run(ForRule loop, RuleScope scope)
    {
        long end = loop.To.Evaluate(scope);
        for (long i = loop.From.Evaluate(scope); i < end; i++)
        {
            RuleScope body = scope.Nested();
            body.Define(loop.Variable, i);
            if (!Run(loop.Body, body))
                return false;
        }
        return true;
    }

    private void Run(CallRule call, RuleScope scope)
    {
        long[] arguments = [.. call.Arguments.Select(argument => argument.Evaluate(scope))];
        switch (call.Name)
        {
            case "qkv":
                NeedAttention(arguments);
                break;
            case "gate_up":
                NeedGateUp(arguments);
                break;
            case "swa_pattern":
                ReadSlidingPattern(arguments);
                break;
            case "set_swa_pattern":
                _parameters.SetSlidingPattern(arguments[0], denseFirst: false);
                break;
            default:
                DefinitionRule definition = _definitions[call.Name];
                RuleScope body = scope.Nested();
                foreach ((string parameter, long value) in definition.Parameters.Zip(arguments))
                    body.Define(parameter, value);
                _ = Run(definition.Body, body);
                break;
        }
    }

    // llama.cpp's load_swa_pattern.
    private void ReadSlidingPattern(long[] arguments)
    {
        const string Key = "attention.sliding_window_pattern";
        if (_keys.ReadArray(Key, GgufValueType.UInt32, isOptional: true) is { } pattern)
        {
            _parameters.SetList("is_swa", pattern);
            return;
        }
        if (_metadata.Find(_keys.FullKey(Key)) is not { Type: GgufValueType.Array } && _keys.TryRead(Key, GgufValueType.UInt32, isOptional: true, out long period))
            arguments[0] = period;
        _parameters.SetSlidingPattern(arguments[0], arguments is [_, not 0]);
    }

    private void Run(KeyRule rule, RuleScope scope)
    {
        bool found = rule.Form switch
        {
            KeyForm.Value => Value(),
            KeyForm.ValueOrArray => List(_keys.ReadValueOrArray(rule.Key, rule.Type!.Value, rule.Length!.Evaluate(scope), rule.IsOptional)),
            KeyForm.Array => List(_keys.ReadArray(rule.Key, rule.Type!.Value, rule.IsOptional)),
            KeyForm.List => List(_keys.ReadArray(rule.Key, rule.Type!.Value, rule.IsOptional, isList: true)),
            _ => Count(),
        };
        if (rule.Found is not null)
            scope.Define(rule.Found, found ? 1 : 0);

        bool Value()
        {
            if (!_keys.TryRead(rule.Key, rule.Type!.Value, rule.IsOptional, out long value))
                return false;
            if (rule.Variable is not null)
                scope.Assign(rule.Variable, value);
            return true;
        }

        bool List(long[]? values)
        {
            if (values is not null && rule.Variable is not null)
                _parameters.SetList(rule.Variable, values);
            return values is not null;
        }

        bool Count()
        {
            if (!_keys.TryCount(rule.Key, rule.IsOptional, out long count))
                return false;
            if (rule.Variable is not null)
                scope.Assign(rule.Variable, count);
            return true;
        }
    }

    private void Run(TensorRule rule, RuleScope scope)
    {
        RuleFlags flags = (rule.IsOptional ? RuleFlags.Optional : RuleFlags.None) | (RuleFlags)(rule.Flags?.Evaluate(scope) ?? 0);
        bool found = Need(rule.Name.Of(scope), flags, [.. rule.Shape.Select(dimension => dimension.Evaluate(scope))]);
        if (rule.Variable is not null)
            scope.Assign(rule.Variable, found ? 1 : 0);
    }

    private void NeedAttention(long[] arguments)
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
        if (_file.FindTensor($"{block}attn_qkv.weight") is not null && Need($"{block}attn_qkv.bias", RuleFlags.Optional, query + key + value) && !flags.HasFlag(RuleFlags.Unused))
            return;
        Need($"{block}attn_q.bias", RuleFlags.Optional, query);
        Need($"{block}attn_k.bias", RuleFlags.Optional, key);
        Need($"{block}attn_v.bias", RuleFlags.Optional, value);
    }

    private void NeedGateUp(long[] arguments)
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

    // Whether the file has it and the loader keeps its data.
    private bool Need(string name, RuleFlags flags, params ReadOnlySpan<long> shape)
    {
        if (_file.FindTensor(name) is not { } tensor)
        {
            if (!flags.HasFlag(RuleFlags.Optional))
                _missing.Add((name, shape.ToArray()));
            return false;
        }
        _used.Add(name);
        if (tensor.Type != GgmlType.F32 && name is ("rope_freqs.weight" or "rope_factors_long.weight" or "rope_factors_short.weight"))
            _findings.Add(new(FindingSeverity.Error, name, $"It is {tensor.Format}, but llama.cpp takes only f32 here.") { EndsProgram = true });
        if (!Fits(tensor, shape, flags.HasFlag(RuleFlags.Reshape)))
            _findings.Add(new(FindingSeverity.Error, name, $"Its shape is {Join(tensor.Shape.AsSpan())}, but llama.cpp expects {Join(shape)} from the metadata."));
        return !flags.HasFlag(RuleFlags.Unused);
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

    // NVFP4 files and those of other tools scale whole tensors; the loader accepts such scales for every weight.
    private void ClaimScales()
    {
        foreach (GgufTensor tensor in _file.Tensors)
        {
            string weight = tensor.Name switch
            {
                _ when tensor.Name.EndsWith(".input_scale", StringComparison.Ordinal) => tensor.Name[..^".input_scale".Length],
                _ when tensor.Name.EndsWith(".scale", StringComparison.Ordinal) => tensor.Name[..^".scale".Length],
                _ => "",
            } + ".weight";
            if (!_used.Contains(weight) || _used.Contains(tensor.Name) || !IsScaled(weight))
                continue;
            Need(tensor.Name, RuleFlags.Optional, weight.Contains("_exps.", StringComparison.Ordinal) ? _parameters["n_expert"] : 1);
        }
    }

    private bool IsScaled(string weight) => weight == TensorNames.Output
        ? _file.FindTensor(weight)?.Type == GgmlType.NVFP4
        : TensorNames.SplitLayer(weight) is
        {
            Part: "attn_q.weight" or "attn_k.weight" or "attn_v.weight" or "attn_output.weight" or "attn_qkv.weight" or "attn_gate.weight"
            or "ffn_gate.weight" or "ffn_down.weight" or "ffn_up.weight" or "ffn_gate_shexp.weight" or "ffn_down_shexp.weight" or "ffn_up_shexp.weight"
            or "ffn_gate_exps.weight" or "ffn_down_exps.weight" or "ffn_up_exps.weight"
            or "ssm_in.weight" or "ssm_out.weight" or "ssm_alpha.weight" or "ssm_beta.weight" or "nextn.eh_proj.weight" or "nextn.shared_head_head.weight"
        };

    private void ReportMissing()
    {
        foreach (IGrouping<string, (string Name, long[] Shape)> group in _missing.DistinctBy(tensor => tensor.Name).GroupBy(tensor => BlockOf(tensor.Name) ?? tensor.Name))
        {
            string[] names = [.. group.Select(tensor => tensor.Name)];
            if (BlockOf(names[0]) is not { } block)
                _findings.Add(new(FindingSeverity.Error, names[0], $"The tensor is missing; its shape would be {Join(group.First().Shape)}."));
            else if (_file.Tensors.Any(tensor => BlockOf(tensor.Name) == block))
                _findings.Add(new(FindingSeverity.Error, block, $"Block {block[(block.LastIndexOf('.') + 1)..]} lacks {Quote(names)}."));
        }
        string[] empty = [.. _missing.Select(tensor => BlockOf(tensor.Name)).OfType<string>().Distinct().Where(block => !_file.Tensors.Any(tensor => BlockOf(tensor.Name) == block))];
        if (empty.Length > 0)
            _findings.Add(new(FindingSeverity.Error, GgufKeys.BlockCount(_architecture), $"The model has {_parameters["n_layer_all"]} blocks, but there are no tensors of {Quote(empty)}."));
    }

    private void ReportUnknown()
    {
        string[] unknown = [.. _file.Tensors.Select(tensor => tensor.Name).Where(name => !_used.Contains(name))];
        if (unknown.Length > 0)
            _findings.Add(new(FindingSeverity.Error, unknown[0], $"llama.cpp does not load a model of architecture '{_architecture}' with tensors that it does not use: {Quote(unknown)}."));
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
