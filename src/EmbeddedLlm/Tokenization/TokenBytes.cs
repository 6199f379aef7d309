using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>What each token writes, as bytes: a token may hold part of a character only.</summary>
internal sealed class TokenBytes
{
    private readonly byte[] _bytes;
    private readonly int[] _ends;
    private readonly string?[] _texts;

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
        _texts = new string[_ends.Length];
    }

    public ReadOnlySpan<byte> this[int id]
    {
        get
        {
            var start = id == 0 ? 0 : _ends[id - 1];
            return _bytes.AsSpan(start, _ends[id] - start);
        }
    }

    /// <summary>What a token writes, if that is whole characters; the same string each time.</summary>
    public bool TryGetText(int id, [NotNullWhen(true)] out string? text)
    {
        text = _texts[id];
        if (text is null && Utf8.IsValid(this[id]))
            text = _texts[id] = Encoding.UTF8.GetString(this[id]);  // two threads may make it twice, and either string will do
        return text is not null;
    }

    private static byte ParseByte(GgufMetadata metadata, string piece, int id) =>
        piece is ['<', '0', 'x', _, _, '>'] && byte.TryParse(piece.AsSpan(3, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var value)
            ? value
            : throw metadata.Wrong(Vocabulary.TokensKey, $"<0xHH> for byte token {id}", $"'{piece}'");
}
