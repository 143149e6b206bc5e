using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Loads a model's header like llama.cpp v0.5.0, and reports where that fails.</summary>
/// <remarks>llama.cpp's <c>llama_model_base::load_hparams</c> and <c>load_tensors</c>.</remarks>
internal sealed class LoaderCheck
{
    private const int MaxExperts = 1024;

    // Limits what rules can do, because numbers from the file bound their loops.
    private const int MaxSteps = 200_000;

    private readonly GgufFile _file;
    private readonly GgufMetadata _metadata;
    private readonly string _architecture;
    private readonly LoaderRules _rules;
    private readonly List<GgufFinding> _findings = [];
    private readonly HyperParameters _parameters;
    private readonly KeyReader _keys;
    private readonly Dictionary<string, DefinitionRule> _definitions = new(StringComparer.Ordinal);
    private readonly RequiredTensors _tensors;
    private int _steps;

    private LoaderCheck(GgufFile file, GgufMetadata metadata, string architecture, LoaderRules rules)
    {
        _file = file;
        _metadata = metadata;
        _architecture = architecture;
        _rules = rules;
        _parameters = new(architecture, file.FindTensor);
        _keys = new(metadata, architecture, _findings);
        _tensors = new(file, architecture, _parameters, _findings);
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
            _findings.Add(new(FindingSeverity.Error, GgufKeys.Architecture, $"llama.cpp does not load this '{_architecture}' model: {exception.Message}.") { EndsProgramIn = exception.EndsProgram ? LlamaBuilds.Both : LlamaBuilds.None });
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
        return check._tensors.Missing;
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
        _tensors.ReportMissing();
        _tensors.ClaimScales();
        _tensors.ReportUnknown();
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
                _tensors.NeedAttention(arguments);
                break;
            case "gate_up":
                _tensors.NeedGateUp(arguments);
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
        bool found = _tensors.Need(rule.Name.Of(scope), flags, [.. rule.Shape.Select(dimension => dimension.Evaluate(scope))]);
        if (rule.Variable is not null)
            scope.Assign(rule.Variable, found ? 1 : 0);
    }
}
