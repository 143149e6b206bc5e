using System.Text.Json;

namespace GgufQuant.HuggingFace.Safetensors;

/// <summary>The safetensors files of a model and their tensors.</summary>
/// <remarks>convert_hf_to_gguf's <c>ModelBase.index_tensors</c>.</remarks>
internal sealed class WeightFiles : IDisposable
{
    private const string IndexName = "model.safetensors.index.json";
    private const int ShownNames = 8;

    private readonly List<SafetensorsFile> _files = [];

    private WeightFiles()
    {
    }

    /// <summary>The files in the order they are read.</summary>
    public IReadOnlyList<SafetensorsFile> Files => _files;

    /// <summary>The tensors, file by file, sorted by name within each.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; private set; } = [];

    /// <summary>Opens a folder's files and checks them against the index, if there is one.</summary>
    /// <exception cref="ModelFolderException">There are no safetensors files, files are missing, or names conflict.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static WeightFiles Open(ModelFolder folder)
    {
        WeightFiles weights = new();
        try
        {
            Dictionary<string, string>? index = ReadIndex(folder);
            IReadOnlyList<string> names = index is null ? FindParts(folder) : [.. index.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
            CheckParts(folder, names);
            weights._files.AddRange(names.Select(name => SafetensorsFile.Open(folder.PathOf(name))));
            weights.Tensors = weights.Merge(folder, index);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Closes the files.</summary>
    public void Dispose() => _files.ForEach(file => file.Dispose());

    // With an index, a later file's tensor replaces an earlier one of the same name.
    private List<SafetensorsTensor> Merge(ModelFolder folder, Dictionary<string, string>? index)
    {
        List<SafetensorsTensor> tensors = [];
        Dictionary<string, int> indices = new(StringComparer.Ordinal);
        foreach (SafetensorsFile file in _files)
        {
            foreach (SafetensorsTensor tensor in file.Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
            {
                if (indices.TryAdd(tensor.Name, tensors.Count))
                {
                    tensors.Add(tensor);
                    continue;
                }
                SafetensorsTensor earlier = tensors[indices[tensor.Name]];
                if (index is null)
                {
                    throw new ModelFolderException(
                        folder.Path, $"the tensor '{tensor.Name}' is in '{Path.GetFileName(earlier.File.Path)}' and in '{Path.GetFileName(file.Path)}': keep one set of files");
                }
                tensors[indices[tensor.Name]] = tensor;
            }
        }
        if (index is not null)
            CheckIndex(folder, index, indices);
        return tensors;
    }

    private static void CheckIndex(ModelFolder folder, Dictionary<string, string> index, Dictionary<string, int> found)
    {
        string[] missing = [.. index.Keys.Where(name => !found.ContainsKey(name)).Order(StringComparer.Ordinal)];
        string[] extra = [.. found.Keys.Where(name => !index.ContainsKey(name)).Order(StringComparer.Ordinal)];
        if (missing.Length > 0)
        {
            string files = string.Join(", ", missing.Select(name => index[name]).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
            throw new ModelFolderException(folder.PathOf(IndexName), $"the files lack {Listed(missing)}, which should be in {files}: download the model again");
        }
        if (extra.Length > 0)
            throw new ModelFolderException(folder.PathOf(IndexName), $"the files contain {Listed(extra)}, which the index does not list: they do not belong to one model");
    }

    private static string Listed(string[] names)
    {
        string shown = string.Join(", ", names.Take(ShownNames).Select(name => $"'{name}'"));
        return names.Length > ShownNames ? $"{shown} and {names.Length - ShownNames} more" : shown;
    }

    private static Dictionary<string, string>? ReadIndex(ModelFolder folder)
    {
        if (folder.ReadJson(IndexName) is not { } json)
            return null;
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("weight_map", out JsonElement map) || map.ValueKind != JsonValueKind.Object)
            throw new ModelFolderException(folder.PathOf(IndexName), "it has no 'weight_map'");
        Dictionary<string, string> index = new(StringComparer.Ordinal);
        foreach (JsonProperty property in map.EnumerateObject())
        {
            string? file = property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString() : null;
            // The index is untrusted: a path could point outside the folder.
            if (string.IsNullOrEmpty(file) || file.AsSpan().ContainsAny("/\\:") || file is "." or "..")
                throw new ModelFolderException(folder.PathOf(IndexName), $"'{file}' is not the name of a file in the folder");
            index[property.Name] = file;
        }
        return index.Count == 0 ? null : index;
    }

    private static IReadOnlyList<string> FindParts(ModelFolder folder)
    {
        IReadOnlyList<string> parts = folder.FindFiles("model*.safetensors");
        if (parts.Count == 0)
            parts = [.. folder.FindFiles("*.safetensors").Where(name => !name.StartsWith("consolidated", StringComparison.Ordinal) && !name.StartsWith("adapter", StringComparison.Ordinal))];
        if (parts.Count > 0)
            return parts;
        throw new ModelFolderException(folder.Path, Absence(folder));
    }

    private static string Absence(ModelFolder folder) =>
        folder.FindFiles("*.incomplete").Count > 0 ? "the model is still being downloaded: wait until its files are complete"
        : folder.FindFiles("*.bin").Count > 0 ? "the weights are in PyTorch's pickle format (.bin), which is not supported: save the model with save_pretrained(safe_serialization=True)"
        : folder.FindFiles("*.gguf").Count > 0 ? "the folder contains GGUF files but no safetensors: name the GGUF file itself"
        : folder.FindFiles("consolidated*.safetensors").Count > 0 ? "the weights are in Mistral's own format (consolidated.safetensors): use the model in the Hugging Face format"
        : "the folder has no model*.safetensors";

    private static void CheckParts(ModelFolder folder, IReadOnlyList<string> names)
    {
        string[] missing = [.. names.Where(name => !folder.Contains(name))];
        if (missing.Length == 0)
            return;
        bool isUnfinished = Directory.EnumerateFiles(folder.Path, "*.incomplete", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 4, AttributesToSkip = FileAttributes.None }).Any();
        string remedy = isUnfinished ? "the download is not finished" : "download them";
        throw new ModelFolderException(folder.Path, $"{Listed(missing)} {(missing.Length == 1 ? "is" : "are")} missing from the {names.Count} files that the index lists: {remedy}");
    }
}
