using System.Management.Automation;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Commands;

/// <summary>Describes a model file, from its header alone.</summary>
[Cmdlet(VerbsCommon.Get, "GgufInfo", DefaultParameterSetName = PathSet)]
[OutputType(typeof(GgufInfo))]
public sealed class GetGgufInfoCommand : MemoryCommand
{
    /// <summary>Also reads all metadata.</summary>
    [Parameter(HelpMessage = "Also read all metadata, including the vocabulary.")]
    public SwitchParameter Metadata { get; set; }

    /// <summary>The name of the pre-tokenizer of a Hugging Face folder.</summary>
    [Parameter(HelpMessage = "The name of the pre-tokenizer of a Hugging Face folder, such as llama-bpe, where it is not recognized.")]
    [ValidateNotNullOrEmpty]
    public string? PreTokenizer { get; set; }

    /// <summary>Describes any file that is named, but only models if a wildcard finds other files too.</summary>
    private protected override bool Takes(ModelKind kind) => kind == ModelKind.Model || !IsMatch;

    /// <inheritdoc/>
    private protected override bool ShowsFaultyFiles => true;

    /// <inheritdoc/>
    private protected override bool TakesFolders => true;

    /// <inheritdoc/>
    private protected override string? PreTokenizerOfFolders => PreTokenizer;

    /// <inheritdoc/>
    protected override void ProcessModel(GgufFile model)
    {
        ModelInfo info = ModelInfo.Read(model, MemoryOptions);
        WriteObject(new GgufInfo(Metadata ? info with { Metadata = Read(model.Metadata) } : info));
    }

    private static OrderedDictionary<string, object> Read(GgufMetadata metadata)
    {
        OrderedDictionary<string, object> values = [];
        foreach (GgufEntry entry in metadata)
            values.Add(entry.Key, entry.Value);
        return values;
    }
}
