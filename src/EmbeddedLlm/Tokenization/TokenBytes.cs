using System.Buffers;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>What each token writes, as bytes: a token may hold part of a character only.</summary>
internal sealed class TokenBytes
{
    private readonly byte[] _bytes;
    private readonly int[] _ends;

    /// <summary>Spells every token; <paramref name="spellText"/> writes the bytes of a token of text.</summary>
    public TokenBytes(GgufMetadata metadata, Vocabulary vocabulary, Action<string, IBufferWriter<byte>> spellText)
    {
        var writer = new ArrayBufferWriter<byte>(vocabulary.Count * 8);
        _ends = new int[vocabulary.Count];
        for (var id = 0; id < _ends.Length; id++)
        {
            var piece = vocabulary.Piece(id);
            switch (vocabulary.Kind(id))
            {
                case TokenKind.Normal or TokenKind.Undefined:
                    spellText(piece, writer);
                    break;
                case TokenKind.Byte:
                    writer.Write([ParseByte(metadata, piece, id)]);
                    break;
                case TokenKind.Control or TokenKind.Unknown or TokenKind.UserDefined:
                    Encoding.UTF8.GetBytes(piece, writer);
                    break;
            }
            _ends[id] = writer.WrittenCount;
        }
        _bytes = writer.WrittenSpan.ToArray();
    }

    public ReadOnlySpan<byte> this[int id]
    {
        get
        {
            var start = id == 0 ? 0 : _ends[id - 1];
            return _bytes.AsSpan(start, _ends[id] - start);
        }
    }

    private static byte ParseByte(GgufMetadata metadata, string piece, int id) =>
        piece is ['<', '0', 'x', _, _, '>'] && byte.TryParse(piece.AsSpan(3, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var value)
            ? value
            : throw metadata.Wrong(Vocabulary.TokensKey, $"<0xHH> for byte token {id}", $"'{piece}'");
}
