using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>A model's hyperparameters under llama.cpp's names, and values computed from them.</summary>
/// <remarks>llama.cpp's <c>llama_hparams</c>; values that no key has set are 0 unless listed here.</remarks>
internal sealed class HyperParameters
{
    /// <summary>llama.cpp's <c>LLAMA_MAX_LAYERS</c>.</summary>
    public const int MaxLayers = 512;

    private static readonly (string Name, long Value)[] s_defaults =
    [
        ("n_layer_kv_from_start", -1), ("token_shift_count", 2), ("n_cls_out", 1), ("n_no_rope_layer_step", 4),
        ("n_altup", 4), ("laurel_rank", 64), ("n_embd_altup", 256), ("causal_attn", 1),
        ("optional", (long)RuleFlags.Optional), ("unused", (long)RuleFlags.Unused), ("reshape", (long)RuleFlags.Reshape),
    ];

    private readonly Dictionary<string, long> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long[]> _lists = new(StringComparer.Ordinal);
    private readonly string _architecture;
    private readonly Func<string, GgufTensor?> _find;

    /// <param name="architecture">The model's architecture.</param>
    /// <param name="find">Finds a tensor of the file.</param>
    public HyperParameters(string architecture, Func<string, GgufTensor?> find)
    {
        _architecture = architecture;
        _find = find;
        foreach ((string name, long value) in s_defaults)
            _values[name] = value;
    }

    public long this[string name]
    {
        get => name == "n_layer" ? LayerCount : _values.GetValueOrDefault(name);
        set => _values[name] = value;
    }

    /// <summary>The number of layers without those that predict further tokens.</summary>
    public long LayerCount => this["n_layer_all"] - this["n_layer_nextn"];

    public void SetList(string name, long[] values) => _lists[name] = values;

    /// <summary>Sets one element of a list with an element per layer.</summary>
    public void SetElement(string name, long index, long value)
    {
        if (!_lists.TryGetValue(name, out long[]? list) || list.Length < MaxLayers)
        {
            Array.Resize(ref list, MaxLayers);
            _lists[name] = list;
        }
        list[Checked(index, MaxLayers)] = value;
    }

    public void Fill(string name, long value)
    {
        long[] list = new long[MaxLayers];
        Array.Fill(list, value);
        _lists[name] = list;
    }

    public long Element(string name, long index) =>
        _lists.TryGetValue(name, out long[]? list) && index >= 0 && index < list.Length ? list[index] : 0;

    /// <remarks>llama.cpp's <c>set_swa_pattern</c>: the last layer of each period is dense, or the first.</remarks>
    public void SetSlidingPattern(long period, bool denseFirst)
    {
        for (long i = 0; i < this["n_layer_all"]; i++)
        {
            bool slides = i < LayerCount && (period == 0 || (denseFirst ? i % period != 0 : i % period < period - 1));
            SetElement("is_swa", i, slides ? 1 : 0);
        }
    }

    public long OfList(string function, string list)
    {
        long[] values = _lists.GetValueOrDefault(list) ?? [];
        return function switch
        {
            "length" => values.Length,
            "largest" => values.DefaultIfEmpty(-1).Max(),
            "smallest" => values.DefaultIfEmpty(0).Min(),
            _ => values.Where(value => value >= 0).Distinct().Count(),
        };
    }

    /// <summary>A function that a rule calls with the name of a tensor or an architecture.</summary>
    public long OfText(string function, string text, long[] arguments) => (function, function == "is_arch" ? null : _find(text)) switch
    {
        ("is_arch", _) => text == _architecture ? 1 : 0,
        ("has", { }) => 1,
        ("dim", { Shape: var shape }) => arguments[0] < shape.Length ? shape[(int)arguments[0]] : 1,
        _ => 0,
    };

    /// <summary>llama.cpp's function of that name applied to a layer, or an element of the list of that name.</summary>
    public long Call(string name, long[] arguments)
    {
        if (name == "max")
            return Math.Max(arguments[0], arguments[1]);
        long layer = arguments is [long first, ..] ? Checked(first, this["n_layer_all"]) : 0;
        return name switch
        {
            "n_embd_head_k" => Slides(layer) ? this["n_embd_head_k_swa"] : this["n_embd_head_k_full"],
            "n_embd_head_v" => Slides(layer) ? this["n_embd_head_v_swa"] : this["n_embd_head_v_full"],
            "n_rot" => Slides(layer) ? this["n_rot_swa"] : this["n_rot_full"],
            "n_embd_k_gqa" => Call("n_embd_head_k", arguments) * Element("n_head_kv", layer),
            "n_embd_v_gqa" => Call("n_embd_head_v", arguments) * Element("n_head_kv", layer),
            "has_kv" => this["n_layer_kv_from_start"] < 0 || layer < this["n_layer_kv_from_start"] ? 1 : 0,
            "is_mla" => IsLatent ? 1 : 0,
            "n_embd_head_k_mla" => IsLatent ? this["n_embd_head_k_mla_impl"] : Call("n_embd_head_k", [0]),
            "n_embd_head_v_mla" => IsLatent ? this["n_embd_head_v_mla_impl"] : Call("n_embd_head_v", [0]),
            "n_embd_inp" => Input,
            "n_embd_inp_enc" => this["n_embd_inp_enc_impl"] > 0 ? this["n_embd_inp_enc_impl"] : Input,
            "n_embd_out" => this["n_embd_out_impl"] > 0 ? this["n_embd_out_impl"] : this["n_embd"],
            _ => Element(name, layer),
        };
    }

    private bool IsLatent => this["n_embd_head_k_mla_impl"] != 0 && this["n_embd_head_v_mla_impl"] != 0;

    private long Input => this["n_embd_inp_impl"] > 0 ? this["n_embd_inp_impl"] : this["n_embd"] * (1 + this["n_deepstack_layers"]);

    private bool Slides(long layer) => Element("is_swa", layer) != 0;

    private static long Checked(long layer, long count) =>
        layer >= 0 && layer < count ? layer : throw new RuleFailedException($"layer {layer} is not one of the {count}", endsProgram: true);
}
