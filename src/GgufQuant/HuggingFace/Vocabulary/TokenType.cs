namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>What a token is for, as llama.cpp's <c>llama_token_type</c> numbers it.</summary>
internal enum TokenType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
