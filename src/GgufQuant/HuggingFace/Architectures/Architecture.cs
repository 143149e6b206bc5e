using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>How models of some classes are converted to GGUF; a row of <see cref="ArchitectureTable"/>.</summary>
internal sealed record Architecture
{
    /// <summary>The architecture's name in GGUF.</summary>
    public required string Name { get; init; }

    /// <summary>The classes in transformers, as <c>architectures</c> of config.json names them.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>The kinds of tensors it has, see <see cref="TensorTable"/>.</summary>
    public required IReadOnlyList<string> Tensors { get; init; }

    /// <summary>How models store their vocabulary.</summary>
    public required VocabularyKind Vocabulary { get; init; }

    /// <summary>The recipes that write its keys, in order.</summary>
    public required IReadOnlyList<KeyRule> Keys { get; init; }

    /// <summary>The recipes that change tensors before their names are looked up, in order.</summary>
    public IReadOnlyList<TensorRule> Rules { get; init; } = [];

    /// <summary>The recipes that rename or drop tensors as soon as they are listed, in order.</summary>
    public IReadOnlyList<NameRule> Names { get; init; } = [];

    /// <summary>Tensors written first, under their GGUF names: computed from the configuration or from several others.</summary>
    public Func<ConversionContext, IReadOnlyList<SourceTensor>, IEnumerable<SourceTensor>> Extra { get; init; } = (_, _) => [];

    /// <summary>Whether this row applies to a configuration of one of the classes; the first that does is used.</summary>
    public Func<ModelConfig, bool> Applies { get; init; } = _ => true;

    /// <summary>Changes values of the configuration.</summary>
    public Func<ModelConfig, ModelConfig> Prepare { get; init; } = config => config;

    /// <summary>The number of blocks beyond <c>num_hidden_layers</c>, given the tensors' names.</summary>
    public Func<ModelConfig, IEnumerable<string>, int> ExtraBlocks { get; init; } = (_, _) => 0;

    /// <summary>Whether tensors are named without the prefix <c>model.</c>.</summary>
    public bool HasBareNames { get; init; }

    /// <summary>Whether config.json is used without the defaults that transformers adds.</summary>
    public bool TakesConfigAsItIs { get; init; }
}

/// <summary>Writes one or more keys.</summary>
internal delegate void KeyRule(KeyWriter keys);

/// <summary>Turns a tensor into none, one or several.</summary>
internal delegate IEnumerable<SourceTensor> TensorRule(ConversionContext context, SourceTensor tensor);

/// <summary>Changes a tensor's name; null leaves the tensor out.</summary>
/// <param name="config">The configuration.</param>
/// <param name="name">The name.</param>
internal delegate string? NameRule(ModelConfig config, string name);
