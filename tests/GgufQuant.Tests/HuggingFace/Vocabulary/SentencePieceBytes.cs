using System.Buffers.Binary;
using System.Text;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

/// <summary>Writes SentencePiece models.</summary>
internal static class SentencePieceBytes
{
    public static byte[] Model(int modelType, params ReadOnlySpan<(string Text, float Score, int Type)> pieces)
    {
        List<byte> bytes = [];
        foreach ((string text, float score, int type) in pieces)
            bytes.AddRange(Field(1, [.. Field(1, Encoding.UTF8.GetBytes(text)), .. Float(2, score), .. Number(3, type)]));
        bytes.AddRange(Field(2, Number(3, modelType)));
        bytes.AddRange(Field(3, [.. Field(1, "nmt_nfkc"u8.ToArray()), .. Field(2, [1, 2, 3]), .. Number(3, 1), .. Number(4, 0)]));
        return [.. bytes];
    }

    public static byte[] Field(int number, byte[] content) => [(byte)((number << 3) | 2), .. Varint(content.Length), .. content];

    public static byte[] Number(int number, int value) => [(byte)(number << 3), .. Varint(value)];

    private static byte[] Float(int number, float value)
    {
        byte[] bytes = new byte[5];
        bytes[0] = (byte)((number << 3) | 5);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(1), value);
        return bytes;
    }

    private static byte[] Varint(int value)
    {
        List<byte> bytes = [];
        for (uint rest = (uint)value; ; rest >>= 7)
        {
            bytes.Add((byte)(rest < 0x80 ? rest : (rest & 0x7F) | 0x80));
            if (rest < 0x80)
                return [.. bytes];
        }
    }
}
