namespace GgufQuant.Evaluation.Tasks;

/// <summary>The 32-bit Mersenne Twister, <c>std::mt19937</c>, with which llama-perplexity draws questions.</summary>
/// <remarks>After M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM Transactions on Modeling and Computer Simulation 8 (1998).</remarks>
internal sealed class MersenneTwister
{
    private const int Length = 624;
    private const int Distance = 397;

    private readonly uint[] _state = new uint[Length];
    private int _next = Length;

    internal MersenneTwister(uint seed)
    {
        _state[0] = seed;
        for (uint i = 1; i < Length; i++)
            _state[i] = (1812433253 * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;
    }

    /// <summary>The next number, any of 32 bits.</summary>
    internal uint Next()
    {
        if (_next == Length)
            Twist();
        uint value = _state[_next++];
        value ^= value >> 11;
        value ^= (value << 7) & 0x9D2C5680;
        value ^= (value << 15) & 0xEFC60000;
        return value ^ (value >> 18);
    }

    private void Twist()
    {
        for (int i = 0; i < Length; i++)
        {
            uint mixed = (_state[i] & 0x80000000) | (_state[(i + 1) % Length] & 0x7FFFFFFF);
            _state[i] = _state[(i + Distance) % Length] ^ (mixed >> 1) ^ ((mixed & 1) * 0x9908B0DF);
        }
        _next = 0;
    }
}
