namespace GgufQuant.Models;

/// <summary>The kinds of recurrent state, which differ in size.</summary>
internal enum StateKind
{
    None,

    /// <summary>Mamba 2.</summary>
    StateSpace,

    /// <summary>Gated delta nets.</summary>
    DeltaNet,

    /// <summary>Mamba without groups.</summary>
    Ungrouped,

    /// <summary>RWKV's token shift and its matrix.</summary>
    Rwkv,

    /// <summary>A short convolution.</summary>
    Convolution,

    /// <summary>Kimi delta attention.</summary>
    KimiDelta,

    /// <summary>Lightning attention.</summary>
    Lightning,
}

/// <summary>The sizes of recurrent states.</summary>
internal static class StateKinds
{
    /// <summary>Floats of state per layer and sequence, of the convolution or token shift, and of the recurrence.</summary>
    /// <remarks><c>llama_hparams::n_embd_r</c> and <c>n_embd_s</c>.</remarks>
    internal static (Int128 Shift, Int128 Recurrence) SizeOf(this StateKind kind, ShapeKeys keys, long embedding, long heads, long headLength)
    {
        Int128 width = embedding;
        Int128 inner = keys.Number("ssm.inner_size");
        Int128 state = keys.Number("ssm.state_size");
        Int128 groups = kind == StateKind.Ungrouped ? 0 : keys.Number("ssm.group_count");
        Int128 kernel = keys.Number("ssm.conv_kernel");
        Int128 delta = keys.Number("kda.head_dim");
        return kind switch
        {
            StateKind.StateSpace or StateKind.Ungrouped or StateKind.DeltaNet => (Int128.Max(0, kernel - 1) * (inner + (2 * groups * state)), state * inner),
            StateKind.Rwkv => ((keys.FindNumber("token_shift_count") ?? 2) * width, width * keys.Number("wkv.head_size")),
            StateKind.Convolution => (width * Math.Max(0, keys.Number("shortconv.l_cache") - 1), 0),
            StateKind.KimiDelta => (3 * (kernel > 0 ? kernel - 1 : 3) * heads * delta, delta * delta * heads),
            StateKind.Lightning => (0, (Int128)headLength * headLength * heads),
            _ => (0, 0),
        };
    }

    /// <summary>Floats per token that enter the recurrence.</summary>
    internal static long WidthOf(this StateKind kind, ShapeKeys keys, long heads, long headLength)
    {
        Int128 inner = kind.InnerOf(keys, heads, headLength);
        Int128 groups = 2 * (Int128)keys.Number("ssm.group_count") * keys.Number("ssm.state_size");
        return kind switch
        {
            StateKind.StateSpace or StateKind.Ungrouped => Bounded((2 * inner) + groups),
            StateKind.DeltaNet => Bounded(inner + groups),
            _ => Bounded(8 * inner),
        };
    }

    /// <summary>Floats per token that leave it.</summary>
    internal static long InnerOf(this StateKind kind, ShapeKeys keys, long heads, long headLength) => kind switch
    {
        StateKind.StateSpace or StateKind.Ungrouped or StateKind.DeltaNet => keys.Number("ssm.inner_size"),
        StateKind.KimiDelta => Bounded((Int128)heads * keys.Number("kda.head_dim")),
        StateKind.Lightning => Bounded((Int128)heads * headLength),
        _ => 0,
    };

    private static long Bounded(Int128 value) => value > long.MaxValue ? long.MaxValue : (long)value;
}
