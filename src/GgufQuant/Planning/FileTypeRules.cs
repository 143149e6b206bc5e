using static GgufQuant.Formats.GgmlType;
using FileType = GgufQuant.Formats.FileType;
using GgmlType = GgufQuant.Formats.GgmlType;

namespace GgufQuant.Planning;

/// <summary>A type and the rule that chose it, described for the plan.</summary>
internal readonly record struct TypeChoice(GgmlType Type, string Rule);

/// <summary>A tensor's position in a model.</summary>
/// <param name="Model">The model.</param>
/// <param name="Index">The layer's index, or for value projections the running number.</param>
/// <param name="Count">Number of layers, or for value projections of those.</param>
internal readonly record struct LayerPosition(ModelTraits Model, int Index, int Count)
{
    /// <summary>Whether the position is in the first eighth, in the last eighth, or every third between them.</summary>
    /// <remarks>llama.cpp's <c>use_more_bits</c>.</remarks>
    internal bool GetsMoreBits =>
        Index < Count / 8 || Index >= 7 * Count / 8 || (Index - (Count / 8)) % 3 == 2;

    internal bool IsInFirst(int share) => Index < Count / share;

    internal bool IsInMiddle => Index >= Count / 8 && Index < 7 * Count / 8;
}

/// <summary>Chooses a type at a position; null for the file type's default.</summary>
internal delegate TypeChoice? TypeRule(LayerPosition position);

/// <summary>The types that one file type gives each kind of tensor; a missing rule means the default.</summary>
internal sealed record FileTypeRules(GgmlType Default)
{
    /// <summary>For token embeddings that are not also the output.</summary>
    internal GgmlType? Embedding { get; init; }

    /// <summary>For the output, if its rows divide into blocks.</summary>
    internal GgmlType Output { get; init; } = Default == Q8_0 ? Q8_0 : Q6_K;

    internal TypeRule? Value { get; init; }

    internal TypeRule? Key { get; init; }

    internal TypeRule? Query { get; init; }

    internal TypeRule? Down { get; init; }

    internal TypeRule? AttentionOutput { get; init; }

    internal TypeRule? GateOrUp { get; init; }

    /// <summary>Whether the attention output of an 8-expert model is kept in q5_K.</summary>
    internal bool LiftsEightExpertOutput { get; init; }

    /// <summary>Whether the file type is one of those below 3 bits, which have their own rules for experts and layers.</summary>
    internal bool IsBelowThreeBits { get; init; }
}

/// <summary>The type selection rules of every file type.</summary>
/// <remarks>
/// llama.cpp's <c>llama_ftype_get_default_type</c>, and the branches by file type of <c>llama_tensor_get_type_impl</c>.
/// </remarks>
internal static class FileTypeTable
{
    private const string MoreBits = "one of the layers given more bits";
    private const string SharedKeys = "small: shared by 4 or more query heads";
    private const string FirstEighth = "in the first eighth of the layers";
    private const string FirstSixteenth = "in the first sixteenth of the layers";
    private const string MiddleLayers = "in the middle three quarters of the layers";
    private const string Everywhere = "not the default, in every layer";

    private static readonly Dictionary<FileType, FileTypeRules> s_rules = new()
    {
        [FileType.F32] = new(F32),
        [FileType.F16] = new(F16),
        [FileType.BF16] = new(BF16),
        [FileType.Q4_0] = new(Q4_0) { Down = EarlyWithImportance(Q4_1) },
        [FileType.Q4_1] = new(Q4_1),
        [FileType.Q5_0] = new(Q5_0) { Down = EarlyWithImportance(Q5_1) },
        [FileType.Q5_1] = new(Q5_1),
        [FileType.Q8_0] = new(Q8_0),
        [FileType.Q1_0] = new(Q1_0),
        [FileType.Q2_0] = new(Q2_0) { Embedding = Q4_K },
        [FileType.TQ1_0] = new(TQ1_0) { Embedding = Q4_K },
        [FileType.TQ2_0] = new(TQ2_0) { Embedding = Q4_K },
        [FileType.MXFP4_MOE] = new(MXFP4) { Output = Q8_0 },

        [FileType.Q2_K_S] = new(Q2_K) { Value = IfKeysAreShared(Q4_K), Down = Early(Q4_K) },
        [FileType.Q2_K] = new(Q2_K)
        {
            Value = position => position.Model.SharesKeys ? new(Q4_K, SharedKeys) : new(Q3_K, Everywhere),
            Down = Always(Q3_K),
            AttentionOutput = Always(Q3_K),
            LiftsEightExpertOutput = true,
        },
        [FileType.Q3_K_S] = new(Q3_K) { LiftsEightExpertOutput = true },
        [FileType.Q3_K_M] = new(Q3_K)
        {
            Value = position => position.Index < 2 ? new(Q5_K, "one of the first two") : new(Q4_K, Everywhere),
            Down = position =>
                position.IsInFirst(16) ? new(Q5_K, FirstSixteenth)
                : !position.Model.IsFalcon ? new(Q4_K, Everywhere)
                : position.GetsMoreBits ? new(Q4_K, MoreBits)
                : null,
            AttentionOutput = Always(Q4_K),
            LiftsEightExpertOutput = true,
        },
        [FileType.Q3_K_L] = new(Q3_K)
        {
            Value = Always(Q5_K),
            Down = position => new(position.Model.IsFalcon ? Q4_K : Q5_K, Everywhere),
            AttentionOutput = position => new(position.Model.IsFalcon ? Q4_K : Q5_K, Everywhere),
        },
        [FileType.Q4_K_S] = new(Q4_K)
        {
            Value = position => position.Index < 4 ? new(Q5_K, "one of the first four") : null,
            Down = position => position.IsInFirst(8) && !position.Model.IsFalcon ? new(Q5_K, FirstEighth) : null,
            LiftsEightExpertOutput = true,
        },
        [FileType.Q4_K_M] = new(Q4_K)
        {
            Value = WhereMoreBits(Q6_K),
            Down = position => !position.Model.IsFalcon
                ? position.GetsMoreBits ? new(Q6_K, MoreBits) : null
                : position.IsInFirst(16) ? new(Q6_K, FirstSixteenth)
                : position.GetsMoreBits ? new(Q5_K, MoreBits)
                : null,
            LiftsEightExpertOutput = true,
        },
        [FileType.Q5_K_S] = new(Q5_K),
        [FileType.Q5_K_M] = new(Q5_K) { Value = WhereMoreBits(Q6_K), Down = WhereMoreBits(Q6_K) },
        [FileType.Q6_K] = new(Q6_K),

        [FileType.IQ1_S] = BelowThreeBits(IQ1_S, embedding: Q2_K, lifted: Q2_K, attentionOutput: IQ2_XXS),
        [FileType.IQ1_M] = BelowThreeBits(IQ1_M, embedding: Q2_K, lifted: Q2_K, attentionOutput: IQ2_XXS),
        [FileType.IQ2_XXS] = BelowThreeBits(IQ2_XXS, embedding: Q2_K, lifted: Q2_K, attentionOutput: null),
        [FileType.IQ2_XS] = BelowThreeBits(IQ2_XS, embedding: Q2_K, lifted: Q2_K, attentionOutput: null),
        [FileType.IQ2_S] = BelowThreeBits(IQ2_XS, embedding: IQ3_S, lifted: IQ3_S, attentionOutput: IQ3_S),
        [FileType.IQ2_M] = BelowThreeBits(IQ2_S, embedding: IQ3_S, lifted: IQ3_S, attentionOutput: IQ3_S),

        [FileType.IQ3_XXS] = new(IQ3_XXS)
        {
            Embedding = IQ3_S,
            Output = Q5_K,
            Value = position =>
                position.Model.SharesKeys ? new(Q4_K, SharedKeys)
                : position.Model.HasImportance ? null
                : new(IQ3_S, "no importance matrix"),
            Key = Always(IQ2_S),
            Query = Always(IQ2_S),
            Down = position => position.Model.HasImportance
                ? null
                : position.IsInFirst(8) ? new(Q4_K, FirstEighth) : new(Q3_K, "no importance matrix"),
            AttentionOutput = Always(IQ3_S),
            LiftsEightExpertOutput = true,
        },
        [FileType.IQ3_XS] = new(IQ3_S)
        {
            Value = IfKeysAreShared(Q4_K),
            Key = Always(IQ3_XXS),
            Query = Always(IQ3_XXS),
            GateOrUp = position => position.IsInMiddle ? new(IQ3_XXS, MiddleLayers) : null,
            LiftsEightExpertOutput = true,
        },
        [FileType.IQ3_S] = new(IQ3_S) { Value = IfKeysAreShared(Q4_K), LiftsEightExpertOutput = true },
        [FileType.IQ3_M] = new(IQ3_S)
        {
            Value = Always(Q4_K),
            Down = position =>
                position.IsInFirst(8) ? new(Q4_K, FirstEighth)
                : position.Model.HasEightExperts && position.GetsMoreBits ? new(Q4_K, MoreBits)
                : null,
            AttentionOutput = Always(Q4_K),
            LiftsEightExpertOutput = true,
        },
        [FileType.IQ4_NL] = FourBitNonlinear(IQ4_NL),
        [FileType.IQ4_XS] = FourBitNonlinear(IQ4_XS),
    };

    /// <exception cref="QuantizationException">llama.cpp does not write files of this type.</exception>
    internal static FileTypeRules Of(FileType type) =>
        Find(type) ?? throw new QuantizationException($"llama.cpp has no file type {type} to quantize to; only single tensors can have that type.");

    /// <summary>The rules of a file type; null if llama.cpp does not write files of it.</summary>
    internal static FileTypeRules? Find(FileType type) => s_rules.GetValueOrDefault(type);

    private static TypeRule Always(GgmlType type) => _ => new(type, Everywhere);

    private static TypeRule Early(GgmlType type) => position => position.IsInFirst(8) ? new(type, FirstEighth) : null;

    private static TypeRule WhereMoreBits(GgmlType type) => position => position.GetsMoreBits ? new(type, MoreBits) : null;

    private static TypeRule IfKeysAreShared(GgmlType type) => position => position.Model.SharesKeys ? new(type, SharedKeys) : null;

    // With importance weights the plain 4- and 5-bit types do poorly in the first down projections.
    private static TypeRule EarlyWithImportance(GgmlType type) =>
        position => position.Model.HasImportance && position.IsInFirst(8) ? new(type, $"{FirstEighth}, with an importance matrix") : null;

    private static FileTypeRules BelowThreeBits(GgmlType type, GgmlType embedding, GgmlType lifted, GgmlType? attentionOutput) => new(type)
    {
        IsBelowThreeBits = true,
        Embedding = embedding,
        Output = Q5_K,
        Value = position =>
            position.Model.SharesKeys ? new(Q4_K, SharedKeys)
            : position.Model.Experts >= 4 ? new(Q4_K, "small next to 4 or more experts")
            : new(lifted, Everywhere),
        Down = Early(lifted),
        AttentionOutput = attentionOutput is { } output ? Always(output) : null,
    };

    private static FileTypeRules FourBitNonlinear(GgmlType type) => new(type)
    {
        Value = IfKeysAreShared(Q5_K),
        Down = position => position.IsInFirst(8) && !position.Model.HasImportance ? new(Q5_K, $"{FirstEighth}, no importance matrix") : null,
        LiftsEightExpertOutput = true,
    };
}
