using System.Globalization;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.RegularExpressions;
using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>What servers answer, in sentences that say what to do.</summary>
internal static partial class RemoteErrors
{
    private const int MaxServerText = 200;

    /// <summary>Whether an exception comes from the connection, or from a timeout.</summary>
    public static bool IsConnectionError(Exception exception) =>
        exception is HttpRequestException or HttpIOException or IOException or SocketException or OperationCanceledException;

    /// <summary>The error for a request that got no answer.</summary>
    public static ServerException NoAnswer(Uri url, Exception exception)
    {
        string server = ServerOf(url);
        return exception switch
        {
            OperationCanceledException => new($"'{server}' does not answer.", exception) { IsTransient = true },
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } =>
                new($"There is no server '{server}', or no connection to the network.", exception),
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } or AuthenticationException =>
                new($"'{server}' has no certificate that this system trusts: {Innermost(exception)}", exception),
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError, InnerException: SocketException { SocketErrorCode: SocketError.ConnectionRefused } } =>
                new($"'{server}' cannot be reached: {Innermost(exception)}.", exception),
            HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded or HttpRequestError.InvalidResponse } =>
                new($"'{server}' gives an answer that is not valid HTTP: {Innermost(exception)}", exception),
            _ => new($"The connection to '{server}' failed: {Innermost(exception)}", exception) { IsTransient = true },
        };
    }

    /// <summary>The error for a body that ended early.</summary>
    public static ServerException Cut(Uri url, Exception? exception = null) => new(
        exception is OperationCanceledException ? $"'{ServerOf(url)}' has stopped sending." : $"The connection to '{ServerOf(url)}' was cut.", exception)
    {
        IsTransient = true,
    };

    /// <summary>The error for a status other than success.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="address">What was asked for.</param>
    /// <param name="tokenSource">Where the token that was sent comes from; null if none was sent.</param>
    public static Exception Of(HttpResponseMessage response, RemoteAddress address, string? tokenSource)
    {
        int status = (int)response.StatusCode;
        string code = HeaderOf(response, "X-Error-Code");
        string said = HeaderOf(response, "X-Error-Message") is { Length: > 0 } text ? $" The server says: {text.TrimEnd('.')}." : "";
        string repository = address.Repository ?? "";
        return status switch
        {
            _ when code == "GatedRepo" => new UnauthorizedAccessException(
                $"'{address}' may not be read: its owner admits only users who have asked for access. Ask for it on {address.PageUrl}, and set the environment variable HF_TOKEN to a token of yours, or run 'hf auth login'.{said}"),
            _ when code == "RevisionNotFound" => new FileNotFoundException($"The repository '{repository}' has no revision '{address.Revision}'."),
            _ when code == "EntryNotFound" => new FileNotFoundException($"The repository '{repository}' has no file '{address.File}' in its revision '{address.Revision}'."),
            401 or 403 => new UnauthorizedAccessException(Denied(address, status, tokenSource) + said),
            404 when address.IsOnHub => new FileNotFoundException($"'{address}' does not exist on the hub.{said}"),
            404 or 410 => new FileNotFoundException($"'{address}' does not exist: the server answers {status}.{said}"),
            429 => new ServerException($"'{ServerOf(response)}' admits no more requests for now (429){After(response)}.{said}") { IsTransient = true, RetryAfter = DelayOf(response) },
            408 or 500 or 502 or 503 or 504 => new ServerException($"'{ServerOf(response)}' is not available ({status}){After(response)}.{said}") { IsTransient = true, RetryAfter = DelayOf(response) },
            _ => new ServerException($"'{ServerOf(response)}' answers {status} to a request for '{address}'.{said}"),
        };
    }

    /// <summary>A server's name and, unless it is the usual one, its port.</summary>
    public static string ServerOf(Uri url) => PrintableText.Escape(url.GetComponents(UriComponents.Host | (url.IsDefaultPort ? 0 : UriComponents.Port), UriFormat.UriEscaped));

    private static string ServerOf(HttpResponseMessage response) => ServerOf(response.RequestMessage!.RequestUri!);

    private static string Denied(RemoteAddress address, int status, string? tokenSource)
    {
        if (!address.IsOnHub)
            return $"'{address}' may not be read: the server answers {status}.";
        return tokenSource is not null
            ? $"'{address}' may not be read with the token in {tokenSource} ({status}): it is not valid, or the repository does not exist or is another's."
            : $"'{address}' may not be read ({status}): the repository does not exist, or it is private or gated, and then the environment variable HF_TOKEN must be set to a token that may read it, unless 'hf auth login' stores one.";
    }

    private static string After(HttpResponseMessage response) =>
        DelayOf(response) is { } delay ? string.Create(CultureInfo.InvariantCulture, $"; it asks to wait {Math.Ceiling(delay.TotalSeconds)} s") : "";

    private static TimeSpan? DelayOf(HttpResponseMessage response)
    {
        TimeSpan? delay = response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - DateTimeOffset.UtcNow,
            // The hub's own header: "api";r=0;t=55, the seconds until it admits requests again.
            _ => RateLimit().Match(HeaderOf(response, "RateLimit")) is { Success: true } limit
                ? TimeSpan.FromSeconds(int.Parse(limit.Groups["seconds"].ValueSpan, CultureInfo.InvariantCulture))
                : null,
        };
        return delay < TimeSpan.Zero ? TimeSpan.Zero : delay;
    }

    private static string HeaderOf(HttpResponseMessage response, string name)
    {
        if (!response.Headers.TryGetValues(name, out IEnumerable<string>? values))
            return "";
        string text = values.First();
        return PrintableText.Escape(text.Length > MaxServerText ? text[..MaxServerText] + "..." : text);
    }

    private static string Innermost(Exception exception) => PrintableText.Escape(exception.GetBaseException().Message);

    [GeneratedRegex(@"\br=0;\s*t=(?<seconds>\d{1,6})\b", RegexOptions.CultureInvariant)]
    private static partial Regex RateLimit();
}
