using System.Collections.Immutable;
using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>One line of <c>LoaderRules.txt</c>, with those indented below it.</summary>
internal abstract record RuleStatement;

/// <summary>Reads a key: <c>u32[n_layer_all]? expert_feed_forward_length -> n_ff_exp</c>.</summary>
/// <param name="Key">The key without the architecture's prefix, or a slash and a key that has no prefix.</param>
/// <param name="Type">The type of its value, or of its elements; null for any.</param>
/// <param name="IsOptional">Whether it may be missing.</param>
/// <param name="Form">Whether the value is single or an array.</param>
/// <param name="Length">The required number of elements for <see cref="KeyForm.ValueOrArray"/>.</param>
/// <param name="Variable">The name for its value; null if no other rule needs it.</param>
/// <param name="Found">The name for whether it exists; null if no other rule needs it.</param>
internal sealed record KeyRule(string Key, GgufValueType? Type, bool IsOptional, KeyForm Form, RuleExpression? Length, string? Variable, string? Found) : RuleStatement;

/// <summary>Needs a tensor: <c>.ffn_up.weight?: n_embd, n_ff</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsOptional">Whether it may be missing.</param>
/// <param name="Shape">Its dimensions.</param>
/// <param name="Flags"><see cref="RuleFlags"/> known only from other values; null for none.</param>
/// <param name="Variable">The name for whether it exists; null if no other rule needs it.</param>
internal sealed record TensorRule(RuleName Name, bool IsOptional, ImmutableArray<RuleExpression> Shape, RuleExpression? Flags, string? Variable) : RuleStatement;

/// <summary>Assigns a value to a name; with <paramref name="IsLocal"/>, until the end of the block.</summary>
internal sealed record LetRule(string Variable, RuleExpression Value, bool IsLocal) : RuleStatement;

/// <summary>Sets one element of a list, or all if <paramref name="Index"/> is null.</summary>
internal sealed record ElementRule(string List, RuleExpression? Index, RuleExpression Value) : RuleStatement;

internal sealed record IfRule(RuleExpression Condition, ImmutableArray<RuleStatement> Then, ImmutableArray<RuleStatement> Else) : RuleStatement;

internal sealed record ForRule(string Variable, RuleExpression From, RuleExpression To, ImmutableArray<RuleStatement> Body) : RuleStatement;

internal sealed record DefinitionRule(string Name, ImmutableArray<string> Parameters, ImmutableArray<RuleStatement> Body) : RuleStatement;

internal sealed record CallRule(string Name, ImmutableArray<RuleExpression> Arguments) : RuleStatement;

internal sealed record RequireRule(RuleExpression Condition) : RuleStatement;

internal sealed record FailRule(string Message) : RuleStatement;

/// <summary>Leaves the keys' part or the tensors' part.</summary>
internal sealed record StopRule : RuleStatement;

/// <summary>The form of a key's value.</summary>
internal enum KeyForm
{
    Value,
    ValueOrArray,
    Array,

    /// <summary>An array that may have more elements than a model has layers.</summary>
    List,

    /// <summary>An array of which only the length is used.</summary>
    Count,
}

/// <summary>Flags of a tensor in rules, combined as bits in their expressions.</summary>
[Flags]
internal enum RuleFlags
{
    None = 0,
    Optional = 1,

    /// <summary>Required in the file although its weights are not used.</summary>
    Unused = 4,

    /// <summary>The number of weights must match, but not the shape.</summary>
    Reshape = 16,
}
