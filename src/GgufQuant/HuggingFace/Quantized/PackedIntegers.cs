using System.Runtime.InteropServices;
using GgufQuant.HuggingFace.Safetensors;

namespace GgufQuant.HuggingFace.Quantized;

/// <summary>Small integers packed into 32-bit words, low bits first.</summary>
internal sealed class PackedIntegers
{
    private readonly SafetensorsTensor _words;
    private readonly int _bits;

    /// <param name="words">The matrix of words.</param>
    /// <param name="bits">Bits per integer: 2, 4 or 8.</param>
    /// <exception cref="ModelFolderException">The tensor is not a matrix of 32-bit integers.</exception>
    public PackedIntegers(SafetensorsTensor words, int bits)
    {
        if (words.Type.Name is not ("I32" or "U32") || words.Shape.Length != 2)
            throw new ModelFolderException(words.File.Path, $"the tensor {words} is not a matrix of 32-bit integers");
        _words = words;
        _bits = bits;
    }

    /// <summary>Integers per word.</summary>
    public int PerWord => 32 / _bits;

    /// <summary>Rows of words.</summary>
    public long Rows => _words.Shape[0];

    /// <summary>Words per row.</summary>
    public long Columns => _words.Shape[1];

    /// <summary>Reads rows of words.</summary>
    public uint[] ReadRows(long first, long count)
    {
        uint[] words = new uint[checked(count * Columns)];
        _words.Read(first * Columns * sizeof(uint), MemoryMarshal.AsBytes(words.AsSpan()));
        return words;
    }

    /// <summary>One of a word's integers.</summary>
    public int Unpack(uint word, long slot) => (int)(word >> (int)(slot * _bits)) & ((1 << _bits) - 1);
}
