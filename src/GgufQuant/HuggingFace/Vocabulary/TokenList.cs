using System.Globalization;
using GgufQuant.Gguf;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Every token's text, score and type; initially all padding.</summary>
internal sealed class TokenList
{
    /// <summary>Sixteen times the size of the largest vocabularies; a file with more tokens is hostile.</summary>
    public const int MaxCount = 1 << 22;

    private const float PaddingScore = -10000;

    private readonly string[] _texts;
    private readonly float[] _scores;
    private readonly int[] _types;

    /// <param name="count">The number of tokens, at most <see cref="MaxCount"/>.</param>
    public TokenList(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxCount);
        _texts = new string[count];
        _scores = new float[count];
        _types = new int[count];
        for (int id = 0; id < count; id++)
            Set(id, string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]"), TokenType.Unused, PaddingScore);
    }

    public int Count => _texts.Length;

    public string TextOf(int id) => _texts[id];

    public float ScoreOf(int id) => _scores[id];

    public TokenType TypeOf(int id) => (TokenType)_types[id];

    public void Set(int id, string text, TokenType type, float score = 0)
    {
        _texts[id] = text;
        _scores[id] = score;
        _types[id] = (int)type;
    }

    /// <summary>Writes texts, then scores if the vocabulary's model has any, then types.</summary>
    public void AddTo(KeyList keys, bool withScores)
    {
        keys.Set(GgufKeys.Tokens, _texts);
        if (withScores)
            keys.Set(GgufKeys.TokenScores, _scores);
        keys.Set(GgufKeys.TokenTypes, _types);
    }

    /// <summary>The number of tokens of each type: <c>316 normal, 4 control</c>.</summary>
    public string Describe() => string.Join(", ", _types.CountBy(type => type).OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} {Name((TokenType)pair.Key)}"));

    private static string Name(TokenType type) => type switch
    {
        TokenType.Unknown => "unknown",
        TokenType.Control => "control",
        TokenType.UserDefined => "user-defined",
        TokenType.Unused => "unused",
        TokenType.Byte => "byte",
        _ => "normal",
    };
}
