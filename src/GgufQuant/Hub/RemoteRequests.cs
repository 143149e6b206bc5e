using System.Net;
using System.Net.Http.Headers;

namespace GgufQuant.Hub;

/// <summary>Requests to the hub and to other servers: redirections, the token, timeouts and repetition.</summary>
/// <remarks>Proxies are those of the system or of the environment variables <c>HTTPS_PROXY</c>, <c>HTTP_PROXY</c> and <c>NO_PROXY</c>.</remarks>
internal sealed class RemoteRequests : IDisposable
{
    private const int MaxRedirections = 10;
    private const int MaxFailures = 5;

    // A server that asks for more is busy, and the user decides.
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(60);

    private readonly HttpClient _client;

    public RemoteRequests(HubOptions options)
    {
        Options = options;
        SocketsHttpHandler handler = new()
        {
            // Redirections are followed here, because the hub gives a file's digest on the way, and the token must not go along.
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            ConnectTimeout = options.Timeout,
            // The rest of a body that is not wanted is not waited for.
            MaxResponseDrainSize = 0,
        };
        _client = new(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new("GgufQuant", typeof(RemoteRequests).Assembly.GetName().Version?.ToString(3)));
        // A compressed body has other ranges than the file.
        _client.DefaultRequestHeaders.AcceptEncoding.Add(new("identity"));
    }

    public HubOptions Options { get; }

    /// <summary>Repeats work until it succeeds, fails for good, or has failed too often without getting further.</summary>
    /// <param name="work">The work, which continues where it stopped if it is repeated.</param>
    /// <param name="position">How far the work has come.</param>
    /// <param name="token">Stops it.</param>
    public async Task RepeatAsync(Func<Task> work, Func<long> position, CancellationToken token)
    {
        int failures = 0;
        while (true)
        {
            long start = position();
            try
            {
                await work().ConfigureAwait(false);
                return;
            }
            catch (ServerException exception) when (exception.IsTransient && (exception.RetryAfter ?? TimeSpan.Zero) <= s_longestWait)
            {
                failures = position() > start ? 1 : failures + 1;
                if (failures >= MaxFailures)
                    throw;
                TimeSpan delay = exception.RetryAfter ?? Options.FirstDelay * (1 << (failures - 1));
                await Task.Delay(delay, token).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sends a request and follows redirections.</summary>
    /// <param name="address">The file, for error messages.</param>
    /// <param name="url">Where to read it from.</param>
    /// <param name="range">The bytes to ask for; null for all.</param>
    /// <param name="token">Stops it.</param>
    /// <returns>A response of success, or 416.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    /// <exception cref="ServerException">The server cannot be reached, or does not answer as it should.</exception>
    public async Task<RemoteResponse> GetAsync(RemoteAddress address, Uri url, RangeHeaderValue? range, CancellationToken token)
    {
        CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        List<HttpResponseMessage> passed = [];
        try
        {
            for (int i = 0; i <= MaxRedirections; i++)
            {
                stop.CancelAfter(Options.Timeout);
                HttpResponseMessage message = await SendAsync(url, range, stop.Token, token).ConfigureAwait(false);
                passed.Add(message);
                if ((int)message.StatusCode is 301 or 302 or 303 or 307 or 308)
                {
                    url = Redirect(url, message.Headers.Location);
                    continue;
                }
                if (!message.IsSuccessStatusCode && message.StatusCode != HttpStatusCode.RequestedRangeNotSatisfiable)
                    throw RemoteErrors.Of(message, address, Options.SendsToken(url) ? Options.TokenSource : null);
                RemoteResponse response = new(message, url, stop);
                passed.ForEach(response.TakeLinked);
                passed.Remove(message);
                return response;
            }
            throw new ServerException($"'{address}' is redirected more than {MaxRedirections} times.");
        }
        catch
        {
            stop.Dispose();
            throw;
        }
        finally
        {
            passed.ForEach(message => message.Dispose());
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<HttpResponseMessage> SendAsync(Uri url, RangeHeaderValue? range, CancellationToken stop, CancellationToken token)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, url);
        request.Headers.Range = range;
        if (Options.SendsToken(url))
            request.Headers.Authorization = new("Bearer", Options.Token);
        try
        {
            return await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop).ConfigureAwait(false);
        }
        catch (Exception exception) when (RemoteErrors.IsConnectionError(exception) && !token.IsCancellationRequested)
        {
            throw RemoteErrors.NoAnswer(url, exception);
        }
    }

    /// <summary>The address that a server redirects to.</summary>
    /// <exception cref="ServerException">It is not followed.</exception>
    internal static Uri Redirect(Uri from, Uri? location)
    {
        if (location is null || !Uri.TryCreate(from, location, out Uri? target) || target.Scheme is not ("http" or "https"))
            throw new ServerException($"'{RemoteErrors.ServerOf(from)}' redirects to what is not an http or https address.");
        if (from.Scheme == Uri.UriSchemeHttps && target.Scheme != Uri.UriSchemeHttps)
            throw new ServerException($"'{RemoteErrors.ServerOf(from)}' redirects to '{RemoteErrors.ServerOf(target)}' without encryption, which is not followed.");
        return target;
    }
}
