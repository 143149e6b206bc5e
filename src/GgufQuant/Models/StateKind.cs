namespace GgufQuant.Models;

/// <summary>The kinds of recurrent state, which differ in size.</summary>
internal enum StateKind
{
    None,

    /// <summary>Mamba, Mamba 2 and gated delta nets.</summary>
    StateSpace,

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
            StateKind.StateSpace or StateKind.Ungrouped => (Int128.Max(0, kernel - 1) * (inner + (2 * groups * state)), state * inner),
            StateKind.Rwkv => ((keys.FindNumber("token_shift_count") ?? 2) * width, width * keys.Number("wkv.head_size")),
            StateKind.Convolution => (width * Math.Max(0, keys.Number("shortconv.l_cache") - 1), 0),
            StateKind.KimiDelta => (3 * (kernel > 0 ? kernel - 1 : 3) * heads * delta, delta * delta * heads),
            StateKind.Lightning => (0, (Int128)headLength * headLength * heads),
            _ => (0, 0),
        };
    }
}
