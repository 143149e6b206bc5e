using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>How models of some classes become GGUF: a row of the table in <see cref="ArchitectureTable"/>.</summary>
internal sealed record Architecture
{
    /// <summary>The architecture's name in GGUF.</summary>
    public required string Name { get; init; }

    /// <summary>The classes in transformers, as <c>architectures</c> of config.json names them.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>The kinds of tensors it has, see <see cref="TensorTable"/>.</summary>
    public required IReadOnlyList<string> Tensors { get; init; }

    /// <summary>How it stores its vocabulary.</summary>
    public required VocabularyKind Vocabulary { get; init; }

    /// <summary>What writes its keys, in order.</summary>
    public required IReadOnlyList<KeyRule> Keys { get; init; }

    /// <summary>What changes tensors before their names are looked up, in order.</summary>
    public IReadOnlyList<TensorRule> Rules { get; init; } = [];

    /// <summary>What changes names or leaves tensors out as soon as they are listed, in order.</summary>
    public IReadOnlyList<NameRule> Names { get; init; } = [];

    /// <summary>Tensors that come first, under their GGUF names: those that no file holds, or that are computed from several others.</summary>
    public Func<ConversionContext, IReadOnlyList<SourceTensor>, IEnumerable<SourceTensor>> Extra { get; init; } = (_, _) => [];

    /// <summary>Whether a configuration of one of the classes is for this row; the first row that is counts.</summary>
    public Func<ModelConfig, bool> Applies { get; init; } = _ => true;

    /// <summary>Values of the configuration that are other than in the file.</summary>
    public Func<ModelConfig, ModelConfig> Prepare { get; init; } = config => config;

    /// <summary>Blocks besides those of <c>num_hidden_layers</c>, given the tensors' names.</summary>
    public Func<ModelConfig, IEnumerable<string>, int> ExtraBlocks { get; init; } = (_, _) => 0;

    /// <summary>Whether tensors are named without the prefix <c>model.</c>.</summary>
    public bool HasBareNames { get; init; }

    /// <summary>Whether config.json is used without the defaults that transformers adds.</summary>
    public bool TakesConfigAsItIs { get; init; }
}

/// <summary>Writes one key or some.</summary>
internal delegate void KeyRule(KeyWriter keys);

/// <summary>Makes of a tensor none, one or several others.</summary>
internal delegate IEnumerable<SourceTensor> TensorRule(ConversionContext context, SourceTensor tensor);

/// <summary>Changes a tensor's name; null leaves the tensor out.</summary>
/// <param name="config">The configuration.</param>
/// <param name="name">The name.</param>
internal delegate string? NameRule(ModelConfig config, string name);
