using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>The address of a remote file: <c>https://server/model.gguf</c>, or <c>hf://owner/repository@revision/model.gguf</c> on the hub.</summary>
public sealed partial class RemoteAddress
{
    private const string Scheme = "hf://";
    private const string MainRevision = "main";
    private const int MaxLength = 8192;

    // Servers whose pages name files of the hub, whatever the endpoint.
    private static readonly string[] s_hubs = ["huggingface.co", "www.huggingface.co", "hf.co"];

    private readonly Uri? _url;

    private RemoteAddress(Uri url)
    {
        _url = url;
        File = url.AbsoluteUri;
    }

    private RemoteAddress(string repository, string revision, string file)
    {
        Repository = repository;
        Revision = revision;
        File = file;
    }

    /// <summary>The repository on the hub, <c>owner/name</c>; null for a file on another server.</summary>
    public string? Repository { get; }

    /// <summary>The branch, tag or commit; empty for a file on another server.</summary>
    public string Revision { get; } = "";

    /// <summary>The file's path in its repository, empty for the repository itself; the whole address on another server.</summary>
    public string File { get; }

    /// <summary>Whether it is on the hub.</summary>
    [MemberNotNullWhen(true, nameof(Repository))]
    public bool IsOnHub => Repository is not null;

    /// <summary>The file's name, without its folder.</summary>
    public string FileName => _url is null ? File[(File.LastIndexOf('/') + 1)..] : Uri.UnescapeDataString(_url.Segments[^1]);

    /// <summary>Whether a path is an address rather than the path of a file on disk.</summary>
    public static bool IsAddress(string path) => SchemePattern().IsMatch(path);

    /// <summary>Reads an address. A page of the hub that shows a file, <c>https://huggingface.co/owner/repository/blob/main/model.gguf</c>, means the file.</summary>
    /// <param name="text">The address.</param>
    /// <param name="hub">The hub, whose pages are recognized too.</param>
    /// <exception cref="FormatException">It is malformed.</exception>
    public static RemoteAddress Parse(string text, HubOptions hub)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(hub);
        if (text.Length > MaxLength || PrintableText.Escape(text) != text)
            throw Invalid(text, $"it is longer than {MaxLength} characters, or contains control characters");
        if (text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return ParsePath(text, text[Scheme.Length..], isEscaped: false);
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Scheme is not ("http" or "https"))
            throw Invalid(text, "only http, https and hf addresses are supported");
        if (url.UserInfo.Length > 0)
            throw Invalid(url.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped), "names and passwords in addresses are not supported");
        url = new(url.GetComponents(UriComponents.HttpRequestUrl, UriFormat.UriEscaped));
        return PathOnHub(url, hub) is { } path && Page().Match(path) is { Success: true } page
            ? ParsePath(text, $"{page.Groups[1]}{(page.Groups[2].Success ? "@" : "")}{page.Groups[2]}{page.Groups[3]}", isEscaped: true)
            : new(url);
    }

    /// <summary>Reads a repository: <c>owner/name</c>, with <c>@revision</c> or without, or its address.</summary>
    /// <param name="text">The repository.</param>
    /// <param name="hub">The hub, whose pages are recognized too.</param>
    /// <exception cref="FormatException">It is malformed.</exception>
    public static RemoteAddress ParseRepository(string text, HubOptions hub)
    {
        ArgumentNullException.ThrowIfNull(text);
        RemoteAddress address = Parse(IsAddress(text) ? text : Scheme + text, hub);
        return !address.IsOnHub || address.File.Length > 0
            ? throw Invalid(text, "a repository is written owner/name, or owner/name@revision")
            : address;
    }

    /// <summary>The address of another file of the same repository.</summary>
    /// <exception cref="FormatException">There can be no such file.</exception>
    internal RemoteAddress WithFile(string file) => CheckFile(file) ? new(Repository!, Revision, file) : throw Invalid(file, "no file can have this name");

    /// <summary>The repository's page.</summary>
    internal string PageUrl => $"https://{s_hubs[0]}/{Repository}";

    /// <summary>The same file as of a commit.</summary>
    internal RemoteAddress At(string revision) => new(Repository!, revision, File);

    /// <summary>Where to read the file from.</summary>
    internal Uri UrlOn(HubOptions hub) =>
        _url ?? hub.AddressOf($"{Repository}/resolve/{Uri.EscapeDataString(Revision)}/{string.Join('/', File.Split('/').Select(Uri.EscapeDataString))}");

    /// <summary>The address, such as <c>hf://owner/repository/model.gguf</c>.</summary>
    public override string ToString()
    {
        if (_url is not null)
            return File;
        string revision = Revision == MainRevision ? "" : $"@{(SpecialRevision().IsMatch(Revision) ? Revision : Uri.EscapeDataString(Revision))}";
        return $"{Scheme}{Repository}{revision}{(File.Length > 0 ? "/" : "")}{File}";
    }

    /// <summary>Whether a file of a repository can have this name.</summary>
    internal static bool CheckFile(string file) =>
        file.Length is > 0 and <= 1024 && PrintableText.Escape(file) == file && !file.Contains('\\') && !file.Split('/').Any(part => part is "" or "." or "..");

    private static RemoteAddress ParsePath(string text, string path, bool isEscaped)
    {
        if (OtherKind().Match(path) is { Success: true } other)
            throw Invalid(text, $"only model repositories are supported, not {other.Groups[1].ValueSpan}");
        Match match = HubPath().Match(path.TrimEnd('/'));
        if (!match.Success || match.Groups["repository"].Value.Contains("..", StringComparison.Ordinal))
            throw Invalid(text, "an address on the hub is written hf://owner/repository/file, or hf://owner/repository@revision/file");
        string revision = match.Groups["revision"] is { Success: true } given ? Uri.UnescapeDataString(given.Value) : MainRevision;
        string file = isEscaped ? Uri.UnescapeDataString(match.Groups["file"].Value) : match.Groups["file"].Value;
        if ((file.Length > 0 && !CheckFile(file)) || !CheckFile(revision))
            throw Invalid(text, "the file or the revision has a name that none can have");
        return new(match.Groups["repository"].Value, revision, file);
    }

    // The path below the hub's endpoint; null for another server.
    private static string? PathOnHub(Uri url, HubOptions hub)
    {
        if (hub.IsHub(url) && url.AbsolutePath.StartsWith(hub.AddressOf("").AbsolutePath, StringComparison.Ordinal))
            return url.AbsolutePath[hub.AddressOf("").AbsolutePath.Length..];
        return url.Scheme == Uri.UriSchemeHttps && url.IsDefaultPort && s_hubs.Contains(url.Host) ? url.AbsolutePath[1..] : null;
    }

    private static FormatException Invalid(string text, string problem) =>
        new(PrintableText.Escape($"'{(text.Length > 300 ? text[..300] + "..." : text)}' is not the address of a model: {problem}."));

    [GeneratedRegex("^(https?|hf)://", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex SchemePattern();

    // Names of such revisions contain slashes.
    [GeneratedRegex(@"^refs/(convert/[\w.-]+|pr/\d+)$", RegexOptions.CultureInvariant)]
    private static partial Regex SpecialRevision();

    [GeneratedRegex(@"^(?:models/(?=[^/]+/[^/]+))?(?<repository>[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*)(?:@(?<revision>refs/(?:convert/[\w.-]+|pr/\d+)|[^/]+))?(?:/(?<file>.+))?$", RegexOptions.CultureInvariant)]
    private static partial Regex HubPath();

    [GeneratedRegex("^(datasets|spaces|kernels|buckets)/", RegexOptions.CultureInvariant)]
    private static partial Regex OtherKind();

    [GeneratedRegex(@"^(?!(?:datasets|spaces|api)/)([^/]+/[^/]+)(?:/(?:blob|resolve|raw|tree)/(refs/(?:convert/[\w.-]+|pr/\d+)|[^/]+)(/.*)?)?/?$", RegexOptions.CultureInvariant)]
    private static partial Regex Page();
}
