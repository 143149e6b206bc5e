namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>The type of a token, with the values of llama.cpp's <c>llama_token_type</c>.</summary>
internal enum TokenType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
