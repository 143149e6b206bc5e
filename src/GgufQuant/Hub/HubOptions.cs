using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>Which hub <c>hf://</c> means, and the token to read it with.</summary>
public sealed record HubOptions
{
    private const string EndpointVariable = "HF_ENDPOINT";

    /// <summary>The address of the hub.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co/");

    /// <summary>The token, which is sent to the hub alone, and never unencrypted over a network; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>Where the token was found, for messages.</summary>
    internal string TokenSource { get; init; } = HubToken.Variable;

    /// <summary>The time after which a server that says nothing is given up.</summary>
    internal TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The time before a failed request is repeated, doubled with each repetition.</summary>
    internal TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>What <c>HF_ENDPOINT</c> and <c>HF_TOKEN</c> say, or instead of the latter the file that <c>hf auth login</c> writes.</summary>
    /// <exception cref="ServerException">One of them is malformed, or the file cannot be read.</exception>
    public static HubOptions FromEnvironment() =>
        FromEnvironment(Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <inheritdoc cref="FromEnvironment()"/>
    /// <param name="variables">Returns the value of an environment variable.</param>
    /// <param name="home">The user's home folder.</param>
    internal static HubOptions FromEnvironment(Func<string, string?> variables, string home)
    {
        HubOptions options = new();
        if (variables(EndpointVariable)?.Trim() is { Length: > 0 } endpoint)
            options = options with { Endpoint = ParseEndpoint(endpoint) };
        return HubToken.Find(variables, home) is { } token ? options with { Token = token.Value, TokenSource = token.Source } : options;
    }

    /// <summary>The endpoint; the token must not get into logs.</summary>
    public override string ToString() => Endpoint.AbsoluteUri;

    /// <summary>Whether a server is the hub.</summary>
    internal bool IsHub(Uri address) =>
        address.Scheme == Endpoint.Scheme && address.Port == Endpoint.Port && address.IdnHost.Equals(Endpoint.IdnHost, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the token may be sent with a request.</summary>
    internal bool SendsToken(Uri address) =>
        Token is not null && IsHub(address) && (address.Scheme == Uri.UriSchemeHttps || address.IsLoopback);

    /// <summary>The address of something on the hub.</summary>
    /// <param name="path">Its path below the endpoint, escaped.</param>
    internal Uri AddressOf(string path) => new($"{Endpoint.GetLeftPart(UriPartial.Path).TrimEnd('/')}/{path}");

    private static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" && address.UserInfo.Length == 0
            ? address
            : throw new ServerException($"The environment variable {EndpointVariable} is '{PrintableText.Escape(text)}', which is not the http or https address of a hub.");
}
