using GgufQuant.Catalog;
using GgufQuant.Hub;

namespace GgufQuant.Commands;

/// <summary>A model in a repository on the hub, as its listing describes it.</summary>
public sealed class HubModel
{
    private readonly RemoteModel _model;

    internal HubModel(RemoteModel model)
    {
        _model = model;
        Type = QuantName.TryFindInFileName(Name, out string? type) ? type : null;
    }

    /// <summary>The address, <c>hf://owner/repository/file</c>; of the first shard if the model is split.</summary>
    public string Path => _model.Address.ToString();

    /// <summary>The repository, <c>owner/name</c>.</summary>
    public string Repository => _model.Address.Repository!;

    /// <summary>The branch, tag or commit.</summary>
    public string Revision => _model.Address.Revision;

    /// <summary>The file's path in the repository.</summary>
    public string Name => _model.Address.File;

    /// <summary>The quantization by the file's name, such as <c>Q4_K_M</c>; null if the name has none.</summary>
    public string? Type { get; }

    /// <summary>Bytes of all shards together.</summary>
    public long Size => _model.Size;

    /// <summary>Files the model is split into; 1 if it is not.</summary>
    public int Shards => _model.Shards;

    /// <summary>The address, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}
