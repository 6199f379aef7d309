using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.HuggingFace;

/// <summary>
/// tokenizer.model: a vocabulary as SentencePiece writes it, a protocol buffer
/// (https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto). What is not needed is stepped over.
/// </summary>
internal sealed class SentencePieceModel
{
    private const int MaxPieceBytes = 1 << 12;

    private readonly string _path;

    private SentencePieceModel(string path) => _path = path;

    private enum Wire
    {
        Integer = 0,
        Eight = 1,
        Bytes = 2,
        Four = 5,
    }

    public List<(string Piece, float Score, TokenKind Kind)> Pieces { get; } = [];

    /// <summary>Whether text is spelled as the most probable pieces, and not by merging.</summary>
    public bool IsUnigram { get; private set; }

    public int UnknownId { get; private set; }

    public int BosId { get; private set; } = 1;

    public int EosId { get; private set; } = 2;

    public int PadId { get; private set; } = -1;

    public byte[] CharacterMap { get; private set; } = [];

    public bool AddsSpacePrefix { get; private set; } = true;

    public bool RemovesExtraSpaces { get; private set; } = true;

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelFormatException">The file is damaged.</exception>
    /// <exception cref="UnsupportedModelException">The model splits words or characters, and neither merges nor is a unigram model.</exception>
    public static SentencePieceModel Read(string path)
    {
        var length = new FileInfo(path).Length;
        if (length > FolderLimits.TokenizerBytes)
            throw new ModelFormatException($"{path}: expected at most {FolderLimits.TokenizerBytes} bytes, found {length}.");
        var model = new SentencePieceModel(path);
        for (ReadOnlySpan<byte> bytes = File.ReadAllBytes(path); model.Next(ref bytes, out var field, out _, out var content);)
        {
            switch (field)
            {
                case 1:
                    model.ReadPiece(content);
                    break;
                case 2:
                    model.ReadTrainer(content);
                    break;
                case 3:
                    model.ReadNormalizer(content);
                    break;
            }
        }

        if (model.Pieces.Count == 0)
            model.Fail("at least one piece", "none");
        return model;
    }

    private void ReadPiece(ReadOnlySpan<byte> bytes)
    {
        if (Pieces.Count == FolderLimits.Tokens)
            Fail($"at most {FolderLimits.Tokens} pieces", "more");
        var (piece, score, kind) = ("", 0f, TokenKind.Normal);
        while (Next(ref bytes, out var field, out var number, out var content))
        {
            switch (field)
            {
                case 1 when content.Length <= MaxPieceBytes:
                    piece = Encoding.UTF8.GetString(content);
                    break;
                case 1:
                    Fail($"pieces of at most {MaxPieceBytes} bytes", $"{content.Length}");
                    break;
                case 2:
                    score = BitConverter.UInt32BitsToSingle((uint)number);
                    break;
                case 3:
                    kind = number is >= 1 and <= (int)TokenKind.Byte ? (TokenKind)number : throw Wrong("kinds of pieces from 1 to 6", $"{number}");
                    break;
            }
        }

        Pieces.Add((piece, score, kind));
    }

    private void ReadTrainer(ReadOnlySpan<byte> bytes)
    {
        while (Next(ref bytes, out var field, out var number, out _))
        {
            switch (field)
            {
                case 3:
                    IsUnigram = number switch
                    {
                        1 => true,
                        2 => false,
                        _ => throw new UnsupportedModelException($"{_path}: the vocabulary is of SentencePiece's kind {number}; supported are 1 (unigram) and 2 (BPE)."),
                    };
                    break;
                case 40:
                    UnknownId = (int)number;
                    break;
                case 41:
                    BosId = (int)number;
                    break;
                case 42:
                    EosId = (int)number;
                    break;
                case 43:
                    PadId = (int)number;
                    break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> bytes)
    {
        while (Next(ref bytes, out var field, out var number, out var content))
        {
            switch (field)
            {
                case 2:
                    CharacterMap = content.ToArray();
                    break;
                case 3:
                    AddsSpacePrefix = number != 0;
                    break;
                case 4:
                    RemovesExtraSpaces = number != 0;
                    break;
            }
        }
    }

    /// <summary>Takes the next field: a number, or content.</summary>
    private bool Next(ref ReadOnlySpan<byte> bytes, out ulong field, out ulong number, out ReadOnlySpan<byte> content)
    {
        (field, number) = (0, 0);
        content = default;
        if (bytes.IsEmpty)
            return false;
        var key = Varint(ref bytes);
        field = key >> 3;
        switch ((Wire)(key & 7))
        {
            case Wire.Integer:
                number = Varint(ref bytes);
                return true;
            case Wire.Eight:
                number = BinaryPrimitives.ReadUInt64LittleEndian(Take(ref bytes, 8));
                return true;
            case Wire.Bytes:
                content = Take(ref bytes, Varint(ref bytes));
                return true;
            case Wire.Four:
                number = BinaryPrimitives.ReadUInt32LittleEndian(Take(ref bytes, 4));
                return true;
            default:
                throw Wrong("fields of the kinds 0, 1, 2 and 5", $"{key & 7}");
        }
    }

    private ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = Take(ref bytes, 1)[0];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }

        throw Wrong("numbers of at most 10 bytes", "more");
    }

    private ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, ulong count)
    {
        if (count > (ulong)bytes.Length)
            Fail($"{count} bytes more", $"{bytes.Length}");
        var taken = bytes[..(int)count];
        bytes = bytes[(int)count..];
        return taken;
    }

    [DoesNotReturn]
    private void Fail(string expected, string found) => throw Wrong(expected, found);

    private ModelFormatException Wrong(string expected, string found) => new($"{_path}: this is no SentencePiece model: expected {expected}, found {found}.");
}
