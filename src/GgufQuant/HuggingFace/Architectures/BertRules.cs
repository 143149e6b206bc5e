using System.Globalization;
using System.Text.Json;
using static GgufQuant.HuggingFace.Architectures.TensorRules;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for BERT and its descendants.</summary>
internal static class BertRules
{
    /// <summary>The names of a classifier's outputs.</summary>
    public static void AddLabels(KeyWriter keys)
    {
        if (Labels(keys.Config) is { } labels)
            keys.Add("classifier.output_labels", labels);
    }

    /// <summary>The classifier of a plain BERT is the output of a classifier with two layers.</summary>
    public static TensorRule RenameClassifier { get; } = (context, tensor) =>
        [tensor.Name is "classifier.weight" or "classifier.bias" && Labels(context.Config) is not null
            ? tensor with { Name = tensor.Name.Replace("classifier.", "classifier.out_proj.", StringComparison.Ordinal) } : tensor];

    /// <summary>RoBERTa's positions start after the padding position.</summary>
    public static ModelConfig WithPositionOffset(ModelConfig config) =>
        PositionOffset(config) is { } offset && config.FindInt64("max_position_embeddings") is { } positions
            ? config.With("max_position_embeddings", (positions - offset).ToString(CultureInfo.InvariantCulture))
            : config;

    /// <summary>Drops the embeddings of positions before the first.</summary>
    public static TensorRule CutPositions { get; } = (context, tensor) =>
        [tensor.Name == "embeddings.position_embeddings.weight" && PositionOffset(context.Config) is { } offset
            ? tensor with { Values = tensor.Values.RowRange(offset, tensor.Values.Shape[0] - offset) } : tensor];

    /// <summary>Nomic's models are trained with shorter contexts than their configuration says.</summary>
    public static ModelConfig WithNomicPositions(ModelConfig config)
    {
        long positions = config.FindInt64("n_positions") ?? 0;
        long trained = config.FindInt64("max_trained_positions") ?? 2048;
        return (positions, trained) switch
        {
            (8192, 2048) => config.With("n_positions", "2048"),
            (2048, 2048) => config.With("n_positions", "512"),
            _ => throw new ModelFolderException(config.Path, $"no Nomic model has n_positions {positions} with max_trained_positions {trained}"),
        };
    }

    /// <summary>Gives the experts of Nomic's MoE model their own dimension.</summary>
    public static TensorRule ReshapeNomicExperts { get; } = (context, tensor) =>
    {
        bool isDown = tensor.Name.Contains("mlp.experts.mlp.w2", StringComparison.Ordinal);
        if (!isDown && !tensor.Name.Contains("mlp.experts.mlp.w1", StringComparison.Ordinal))
            return [tensor];
        (long experts, long inner, long length) = (context.Experts, context.Integer("n_inner"), context.Integer("n_embd"));
        if (experts * inner * length != tensor.Values.Count)
            throw new ModelFolderException(context.Folder.Path, $"the tensor '{tensor.Name}' of shape [{string.Join(", ", tensor.Values.Shape)}] is not {experts} experts of [{inner}, {length}]");
        var values = tensor.Values.Reshape(experts, inner, length);
        return [tensor with { Name = $"{tensor.Name}.weight", Values = isDown ? values.Transpose() : values }];
    };

    /// <summary>Whether a model has low-rank adapters for tasks, as Jina v3 does.</summary>
    public static bool HasTaskAdapters(ModelConfig config) =>
        config.Find("lora_adaptations") is { ValueKind: JsonValueKind.Array } adapters && adapters.GetArrayLength() > 0;

    /// <summary>The plain name of a weight that is stored as the <c>original</c> of an adapter's parametrization.</summary>
    public static string? WithoutParametrization(ModelConfig config, string name)
    {
        const string Part = ".parametrizations.", Original = ".original";
        if (!name.Contains(Part, StringComparison.Ordinal))
            return name;
        name = name.Replace(Part, ".", StringComparison.Ordinal);
        return name.EndsWith(Original, StringComparison.Ordinal) ? name[..^Original.Length] : name;
    }

    /// <summary>Drops adapters, which the converter writes to separate files.</summary>
    public static TensorRule DropTaskAdapters { get; } = (context, tensor) =>
    {
        if (!IsMatch(tensor.Name, "*.0.lora_A", "*.0.lora_B"))
            return [tensor];
        const string Warning = "The model's task adapters are left out: the file contains only the model.";
        if (!context.Warnings.Contains(Warning))
            context.Warnings.Add(Warning);
        return [];
    };

    private static long? PositionOffset(ModelConfig config) => config.FindInt64("pad_token_id") is { } padding ? padding + 1 : null;

    // The labels that transformers adds by default mean nothing.
    private static string[]? Labels(ModelConfig config)
    {
        if (config.Find("id2label") is not { ValueKind: JsonValueKind.Object } labels)
            return null;
        string[] names =
        [
            .. from label in labels.EnumerateObject()
               where label.Value.ValueKind == JsonValueKind.String
               orderby long.TryParse(label.Name, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : long.MaxValue
               select label.Value.GetString()!,
        ];
        return names.Length == 0 || names is ["LABEL_0", _] ? null : names;
    }
}
