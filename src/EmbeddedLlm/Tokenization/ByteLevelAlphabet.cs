using System.Buffers;
using System.Collections.Frozen;
using System.Text;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// The alphabet in which byte-level BPE spells bytes: visible Latin-1 characters stand for themselves, the other bytes for the characters
/// from U+0100 on, in order. See the <see href="https://github.com/openai/gpt-2/blob/master/src/encoder.py">GPT-2 encoder</see>.
/// </summary>
internal static class ByteLevelAlphabet
{
    private static readonly char[] Characters = MakeCharacters();

    private static readonly FrozenDictionary<char, byte> Bytes =
        Characters.Select((character, value) => KeyValuePair.Create(character, (byte)value)).ToFrozenDictionary();

    /// <summary>The character that stands for a byte.</summary>
    public static char Character(byte value) => Characters[value];

    /// <summary>Writes the bytes that a piece spells; a piece with a character outside the alphabet stands for itself.</summary>
    public static void Spell(string piece, IBufferWriter<byte> writer)
    {
        var bytes = writer.GetSpan(piece.Length + 1);
        for (var i = 0; i < piece.Length; i++)
        {
            if (!Bytes.TryGetValue(piece[i], out bytes[i]))
            {
                Encoding.UTF8.GetBytes(piece, writer);
                return;
            }
        }
        writer.Advance(piece.Length);
    }

    private static char[] MakeCharacters()
    {
        var characters = new char[256];
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var visible = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[value] = (char)(visible ? value : next++);
        }
        return characters;
    }
}
