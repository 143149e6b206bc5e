using System.Text;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>The vocabulary and the normalizer of a SentencePiece model; SentencePiece's <c>ModelProto</c>.</summary>
internal sealed class SentencePieceModel
{
    /// <summary>The value of <see cref="ModelType"/> for Unigram models.</summary>
    public const int Unigram = 1;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<Piece> _pieces = [];
    private readonly string _path;

    private SentencePieceModel(string path) => _path = path;

    public IReadOnlyList<Piece> Pieces => _pieces;

    /// <summary>TrainerSpec's <c>model_type</c>: 1 Unigram, 2 BPE.</summary>
    public int ModelType { get; private set; } = Unigram;

    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraWhitespaces { get; private set; } = true;

    public byte[] PrecompiledCharsmap { get; private set; } = [];

    /// <exception cref="ModelFolderException">The bytes are not a SentencePiece model.</exception>
    public static SentencePieceModel Read(string path, ReadOnlySpan<byte> bytes)
    {
        SentencePieceModel model = new(path);
        ProtobufReader reader = new(bytes, 0, path);
        while (reader.TryReadField(out int field))
        {
            switch (field)
            {
                case 1:
                    model.ReadPiece(Message(ref reader, path));
                    break;
                case 2:
                    model.ReadTrainer(Message(ref reader, path));
                    break;
                case 3:
                    model.ReadNormalizer(Message(ref reader, path));
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        if (model._pieces.Count == 0)
            throw new ModelFolderException(path, "the SentencePiece model has no pieces");
        return model;
    }

    private static ProtobufReader Message(ref ProtobufReader reader, string path)
    {
        ReadOnlySpan<byte> message = reader.ReadBytes();
        return new ProtobufReader(message, reader.FileOffset - message.Length, path);
    }

    private void ReadPiece(ProtobufReader reader)
    {
        int start = reader.FileOffset;
        string text = "";
        float score = 0;
        TokenType type = TokenType.Normal;
        while (reader.TryReadField(out int field))
        {
            switch (field)
            {
                case 1:
                    text = Text(reader.ReadBytes(), start);
                    break;
                case 2:
                    score = reader.ReadSingle();
                    break;
                case 3:
                    type = (TokenType)Math.Min(reader.ReadUInt64(), int.MaxValue);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        if (text.Length == 0)
            throw Wrong(start, "the piece is empty");
        if (_pieces.Count == TokenList.MaxCount)
            throw Wrong(start, $"there are more than {TokenList.MaxCount} pieces");
        // The converter asks SentencePiece whether a piece is unknown, control, unused or a byte, and treats the rest as normal.
        if (type is not (TokenType.Unknown or TokenType.Control or TokenType.Unused or TokenType.Byte))
            type = TokenType.Normal;
        _pieces.Add(new(text, score, type));
    }

    private void ReadTrainer(ProtobufReader reader)
    {
        while (reader.TryReadField(out int field))
        {
            if (field == 3)
                ModelType = (int)Math.Min(reader.ReadUInt64(), int.MaxValue);
            else
                reader.Skip();
        }
    }

    private void ReadNormalizer(ProtobufReader reader)
    {
        while (reader.TryReadField(out int field))
        {
            switch (field)
            {
                case 2:
                    PrecompiledCharsmap = reader.ReadBytes().ToArray();
                    break;
                case 3:
                    AddDummyPrefix = reader.ReadUInt64() != 0;
                    break;
                case 4:
                    RemoveExtraWhitespaces = reader.ReadUInt64() != 0;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private string Text(ReadOnlySpan<byte> bytes, int start)
    {
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Wrong(start, "the text is not UTF-8");
        }
    }

    private ModelFolderException Wrong(int offset, string problem) => new(_path, $"piece {_pieces.Count}", offset, problem);

    /// <summary>One token.</summary>
    internal readonly record struct Piece(string Text, float Score, TokenType Type);
}
