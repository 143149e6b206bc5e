using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>Which hub <c>hf://</c> means, and the token to read it with.</summary>
public sealed record HubOptions
{
    private const string EndpointVariable = "HF_ENDPOINT";
    private const string TokenVariable = "HF_TOKEN";

    /// <summary>The address of the hub.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co/");

    /// <summary>The token, which is sent to the hub alone, and never unencrypted over a network; null for none.</summary>
    public string? Token { get; init; }

    /// <summary>The time after which a server that says nothing is given up.</summary>
    internal TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The time before a failed request is repeated, doubled with each repetition.</summary>
    internal TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>What the environment variables <c>HF_ENDPOINT</c> and <c>HF_TOKEN</c> say.</summary>
    /// <exception cref="ServerException">One of them is malformed.</exception>
    public static HubOptions FromEnvironment()
    {
        HubOptions options = new();
        if (Environment.GetEnvironmentVariable(EndpointVariable)?.Trim() is { Length: > 0 } endpoint)
            options = options with { Endpoint = ParseEndpoint(endpoint) };
        if (Environment.GetEnvironmentVariable(TokenVariable)?.Trim() is { Length: > 0 } token)
            options = options with { Token = CheckToken(token) };
        return options;
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

    // The value stays out of the message.
    private static string CheckToken(string token) => token.All(character => character is > ' ' and <= '~')
        ? token
        : throw new ServerException($"The environment variable {TokenVariable} is not a token: it contains something other than ASCII letters, digits and signs.");
}
