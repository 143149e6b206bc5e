using System.Text.Json.Serialization;

namespace GgufQuant.Hub;

/// <summary>A file or a folder, as <c>/api/models/{repository}/tree/{revision}</c> lists it.</summary>
internal sealed record TreeEntry(string? Type, string? Path, long Size);

/// <summary>Reads the hub's JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(List<TreeEntry?>))]
internal sealed partial class HubJson : JsonSerializerContext;
