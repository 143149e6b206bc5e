using System.Text;
using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>The token of the user's account on the hub.</summary>
/// <param name="Value">The token.</param>
/// <param name="Source">Where it was found, for messages.</param>
/// <remarks>
/// It is looked for where huggingface_hub looks (<c>get_token</c>, <c>constants.py</c>): in <c>HF_TOKEN</c>, then in the file that
/// <c>hf auth login</c> writes, which is <c>HF_TOKEN_PATH</c>, <c>HF_HOME/token</c>, <c>XDG_CACHE_HOME/huggingface/token</c> or
/// <c>~/.cache/huggingface/token</c>. With <c>HF_HUB_DISABLE_IMPLICIT_TOKEN</c> there is none.
/// </remarks>
internal sealed record HubToken(string Value, string Source)
{
    /// <summary>The environment variable with the token.</summary>
    public const string Variable = "HF_TOKEN";

    private const int LongestFile = 4096;
    private static readonly string[] s_true = ["1", "ON", "YES", "TRUE"];

    /// <summary>Finds the token; null if there is none.</summary>
    /// <param name="variables">Returns the value of an environment variable.</param>
    /// <param name="home">The user's home folder.</param>
    /// <exception cref="ServerException">What is there is not a token, or the file cannot be read.</exception>
    public static HubToken? Find(Func<string, string?> variables, string home)
    {
        if (s_true.Contains(variables("HF_HUB_DISABLE_IMPLICIT_TOKEN"), StringComparer.OrdinalIgnoreCase))
            return null;
        if (variables(Variable)?.Trim() is { Length: > 0 } token)
            return new(Check(token, $"The environment variable {Variable}"), Variable);
        string path = FileOf(variables, home);
        string source = $"'{PrintableText.Escape(path)}'";
        return Read(path)?.Trim() is { Length: > 0 } stored ? new(Check(stored, $"The content of {source}"), source) : null;
    }

    /// <summary>Where it was found: the token must not get into logs.</summary>
    public override string ToString() => Source;

    private static string FileOf(Func<string, string?> variables, string home)
    {
        if (variables("HF_TOKEN_PATH") is { Length: > 0 } path)
            return Expand(path, home);
        string folder = variables("HF_HOME") is { Length: > 0 } own
            ? own
            : Path.Combine(variables("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(home, ".cache"), "huggingface");
        return Path.Combine(Expand(folder, home), "token");
    }

    private static string Expand(string path, string home) =>
        path == "~" || path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith("~\\", StringComparison.Ordinal) ? home + path[1..] : path;

    private static string? Read(string path)
    {
        try
        {
            return Encoding.UTF8.GetString(RegularFile.ReadAllBytes(path, LongestFile));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ServerException($"The token for the hub cannot be read. {exception.Message}", exception);
        }
    }

    // The value stays out of the message.
    private static string Check(string token, string place) => token.All(character => character is > ' ' and <= '~')
        ? token
        : throw new ServerException($"{place} is not a token: it contains something other than ASCII letters, digits and signs.");
}
