namespace GgufQuant.Models;

/// <summary>The types that llama.cpp can use for its key-value cache.</summary>
public enum CacheType
{
    F16,
    F32,
    BF16,
    Q8_0,
    Q5_1,
    Q5_0,
    Q4_1,
    Q4_0,
    IQ4_NL,
}
