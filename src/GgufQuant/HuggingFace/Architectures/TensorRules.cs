using System.Collections.Immutable;
using System.Globalization;
using System.IO.Enumeration;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>The building blocks of tensor recipes. In patterns, <c>*</c> matches any text.</summary>
internal static class TensorRules
{
    /// <summary>Whether a name matches one of some patterns.</summary>
    public static bool IsMatch(string name, params ReadOnlySpan<string> patterns)
    {
        foreach (string pattern in patterns)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false))
                return true;
        }
        return false;
    }

    /// <summary>Changes the values of tensors.</summary>
    public static TensorRule Values(string[] patterns, Func<ConversionContext, TensorValues, TensorValues> change) =>
        (context, tensor) => [IsMatch(tensor.Name, patterns) ? tensor with { Values = change(context, tensor.Values) } : tensor];

    /// <inheritdoc cref="Values(string[], Func{ConversionContext, TensorValues, TensorValues})"/>
    public static TensorRule Values(string pattern, Func<ConversionContext, TensorValues, TensorValues> change) => Values([pattern], change);

    /// <summary>Renames tensors.</summary>
    public static TensorRule Rename(string pattern, string from, string to) =>
        (_, tensor) => [IsMatch(tensor.Name, pattern) ? tensor with { Name = tensor.Name.Replace(from, to, StringComparison.Ordinal) } : tensor];

    /// <summary>Drops tensors.</summary>
    public static TensorRule Drop(Func<ConversionContext, string, bool> isDropped) => (context, tensor) => isDropped(context, tensor.Name) ? [] : [tensor];

    /// <summary>Adds 1 to norms, for models whose code adds it at run time.</summary>
    public static TensorRule AddOneToNorms(string? except = null) => (_, tensor) =>
        [IsMatch(tensor.Name, "*norm.weight") && (except is null || !IsMatch(tensor.Name, except)) ? tensor with { Values = tensor.Values.Select(value => value + 1) } : tensor];

    /// <summary>-exp(x), for the state matrix of Mamba.</summary>
    /// <remarks>torch's vectorized exp is not correctly rounded for some values, and differs from build to build.</remarks>
    public static TensorRule NegativeExp { get; } = Values("*.A_log", (_, values) => values.Select(value => -(float)Math.Exp(value)));

    /// <summary>Turns the per-layer parameters of xIELU, the activation of Apertus, into keys.</summary>
    public static TensorRule CollectActivations { get; } = (context, tensor) =>
    {
        const string Part = ".act_fn.";
        int index = tensor.Name.LastIndexOf(Part, StringComparison.Ordinal);
        if (index < 0 || tensor.Block is null)
            return [tensor];
        string parameter = tensor.Name[index..];
        context.Seen[tensor.Name] = tensor.Values;
        var layers = context.Seen.Where(pair => pair.Key.EndsWith(parameter, StringComparison.Ordinal)).OrderBy(pair => new SourceTensor(pair.Key, pair.Value).Block).ToArray();
        if (layers.Length == context.HiddenLayers)
            context.TensorKeys.Add(GgufEntry.Create($"xielu.{parameter[Part.Length..]}", layers.Select(layer => First(layer.Value)).ToArray()));
        return [];
    };

    /// <summary>Reorders the rows of query and key heads to match llama.cpp's RoPE.</summary>
    /// <remarks>convert_hf_to_gguf's <c>LlamaModel.permute</c>.</remarks>
    public static TensorRule PermuteQueryAndKey { get; } = (context, tensor) =>
    [
        IsMatch(tensor.Name, "*q_proj.weight", "*q_proj.bias") ? tensor with { Values = Permute(tensor.Values, context.Heads) }
        : IsMatch(tensor.Name, "*k_proj.weight", "*k_proj.bias") ? tensor with { Values = Permute(tensor.Values, context.KeyValueHeads) }
        : tensor,
    ];

    /// <summary>Stacks a layer's experts into one tensor for each of three weights, once the last one has arrived.</summary>
    /// <param name="source">The name of one expert's weight, with <c>{0}</c> for the block, <c>{1}</c> for the expert and <c>{2}</c> for the weight.</param>
    /// <param name="target">The name of the stacked tensor, with <c>{0}</c> for the block and <c>{2}</c> for the weight.</param>
    /// <param name="weights">The weights, in the order in which they are written.</param>
    public static TensorRule StackExperts(string source, string target, params string[] weights)
    {
        string pattern = source.Replace("{0}", "*").Replace("{1}", "*").Replace("{2}", "*");
        return (context, tensor) =>
        {
            if (!IsMatch(tensor.Name, pattern) || tensor.Block is not { } block)
                return [tensor];
            if (context.Collect($"block {block}", tensor, context.Experts * weights.Length) is not { } experts)
                return [];
            return weights.Select(weight => new SourceTensor(
                string.Format(CultureInfo.InvariantCulture, target, block, "", weight),
                TensorValues.Stack([.. Enumerable.Range(0, context.Experts).Select(expert => FindExpert(
                    context, experts, string.Format(CultureInfo.InvariantCulture, source, block, expert, weight)))]))
            { IsFromFloat8 = tensor.IsFromFloat8 });
        };
    }

    /// <summary>The experts of Qwen's, DeepSeek's and GLM's models.</summary>
    public static TensorRule StackMlpExperts { get; } = StackExperts(
        "model.layers.{0}.mlp.experts.{1}.{2}.weight", "model.layers.{0}.mlp.experts.{2}.weight", "down_proj", "gate_proj", "up_proj");

    /// <summary>The experts of Mixtral.</summary>
    public static TensorRule StackMixtralExperts { get; } = StackExperts(
        "model.layers.{0}.block_sparse_moe.experts.{1}.{2}.weight", "layers.{0}.feed_forward.experts.{2}.weight", "w1", "w2", "w3");

    /// <summary>Splits the rows of a tensor, or of each of its matrices, into equal parts.</summary>
    /// <param name="suffix">The end of the name, which is replaced by the parts'.</param>
    /// <param name="parts">The ends of the parts' names, in order.</param>
    public static TensorRule SplitRows(string suffix, params string[] parts) => (context, tensor) =>
    {
        if (!tensor.Name.EndsWith(suffix, StringComparison.Ordinal))
            return [tensor];
        ImmutableArray<long> shape = tensor.Values.Shape;
        if (shape.Length < 2 || shape[^2] % parts.Length != 0)
            throw new ModelFolderException(context.Folder.Path, $"the tensor '{tensor.Name}' of shape [{string.Join(", ", shape)}] cannot be split into {parts.Length} equal parts");
        long rows = shape[^2] / parts.Length;
        return parts.Select((part, index) => tensor with
        {
            Name = tensor.Name[..^suffix.Length] + part,
            Values = tensor.Values.RowsOfEachMatrix(index * rows, 1, rows),
        });
    };

    /// <summary>The rows of heads, with the two halves of each interleaved.</summary>
    public static TensorValues Permute(TensorValues values, int heads)
    {
        long rows = values.Shape[0];
        if (heads <= 0 || rows % (2L * heads) != 0)
            throw new ArgumentException($"The {rows} rows of a tensor are not those of {heads} heads, each in two halves.", nameof(heads));
        long headRows = rows / heads;
        long half = headRows / 2;
        ImmutableArray<long> shape = values.Shape;
        // A bias is a matrix with rows of one value.
        TensorValues matrix = shape.Length == 1 ? values.Reshape(rows, 1) : values;
        return matrix.Rows(matrix.Shape, row =>
        {
            (long head, long index) = Math.DivRem(row, headRows);
            return (head * headRows) + (index % 2 * half) + (index / 2);
        }).Reshape(shape);
    }

    /// <summary>The rows of heads that each hold query, key and value, sorted into all queries, all keys and all values.</summary>
    public static TensorValues GroupHeads(TensorValues values, int heads)
    {
        const int Parts = 3;
        long rows = values.Shape[0];
        if (heads <= 0 || rows % ((long)Parts * heads) != 0)
            throw new ArgumentException($"The {rows} rows of a tensor are not queries, keys and values of {heads} heads.", nameof(heads));
        long headRows = rows / Parts / heads;
        ImmutableArray<long> shape = values.Shape;
        TensorValues matrix = shape.Length == 1 ? values.Reshape(rows, 1) : values;
        return matrix.Rows(matrix.Shape, row =>
        {
            (long part, long rest) = Math.DivRem(row, rows / Parts);
            (long head, long index) = Math.DivRem(rest, headRows);
            return (((head * Parts) + part) * headRows) + index;
        }).Reshape(shape);
    }

    private static float First(TensorValues values)
    {
        float[] first = new float[1];
        values.ReadFloats(0, first);
        return first[0];
    }

    private static TensorValues FindExpert(ConversionContext context, IReadOnlyDictionary<string, TensorValues> experts, string name) =>
        experts.TryGetValue(name, out TensorValues? values) ? values : throw new ModelFolderException(context.Folder.Path, $"the tensor '{name}' is missing");
}
