using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// The normalization that a SentencePiece vocabulary brings (<c>precompiled_charsmap</c>): a trie of UTF-8 sequences, each with the text
/// that replaces it. The trie is a <see href="https://github.com/s-yata/darts-clone">double array</see>, the texts end with a zero.
/// </summary>
internal sealed class CharacterMap
{
    private const string Key = "tokenizer.ggml.precompiled_charsmap";

    // No text of Unicode's own normalizations is longer than 33 bytes, no sequence that they replace longer than a few characters.
    private const int MaxReplacement = 64;
    private const int MaxSequence = 64;

    private readonly uint[] _units;
    private readonly byte[] _texts;

    private CharacterMap(uint[] units, byte[] texts)
    {
        _units = units;
        _texts = texts;
    }

    /// <summary>Reads the map of a file: the trie's length in bytes, the trie, the texts. Null where the file has none.</summary>
    /// <exception cref="ModelFormatException">The lengths do not fit, a sequence has no text, or a text is longer than any normalization makes.</exception>
    public static CharacterMap? Read(GgufMetadata metadata)
    {
        if (!metadata.Contains(Key))
            return null;
        byte[] bytes = [.. metadata.GetInts(Key).Select(value => (byte)value)];
        if (bytes.Length == 0)
            return null;
        var trie = bytes.Length < 4 ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (trie == 0 || trie % 4 != 0 || trie >= bytes.Length - 4)
            throw metadata.Wrong(Key, "a trie of whole units and texts behind it", $"{bytes.Length} bytes, of which {trie} of the trie");
        var units = new uint[trie / 4];
        for (var i = 0; i < units.Length; i++)
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 + (4 * i)));
        var texts = bytes[(4 + (int)trie)..];
        for (ReadOnlySpan<byte> rest = texts; !rest.IsEmpty;)
        {
            var length = rest.IndexOf((byte)0);
            if (length is < 0 or > MaxReplacement)
                throw metadata.Wrong(Key, $"texts of at most {MaxReplacement} bytes that end with a zero", "another");
            rest = rest[(length + 1)..];
        }
        for (var i = 0; i < units.Length; i++)
        {
            if (EndsText(units[i]) && !(TextUnit(units, i) is var at && at < units.Length && TextIndex(units[at]) < texts.Length))
                throw metadata.Wrong(Key, "a trie whose every sequence has its text", $"one that has none, at unit {i}");
        }
        return new CharacterMap(units, texts);
    }

    /// <summary>The text with every sequence that the map knows replaced, of several that begin at a place the longest.</summary>
    public string Map(ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        ReadOnlySpan<byte> rest = bytes.AsSpan(0, Encoding.UTF8.GetBytes(text, bytes));
        var mapped = new ArrayBufferWriter<byte>(rest.Length + 16);
        while (!rest.IsEmpty)
        {
            var length = LongestAt(rest, out var index);
            if (length > 0)
                mapped.Write(TextAt(index));
            else
                Rune.DecodeFromUtf8(rest, out _, out length);
            if (index < 0)
                mapped.Write(rest[..length]);
            rest = rest[length..];
        }
        return Encoding.UTF8.GetString(mapped.WrittenSpan);
    }

    // A unit holds a label (bits 0 to 7), whether a text ends here (bit 8), and the distance to its children (bits 10 to 30, or 8 bits further
    // up if bit 9 is set), which each stand at the distance XOR their label. Where a text ends, the child of label 0 is its index, with bit 31 set.
    private int LongestAt(ReadOnlySpan<byte> bytes, out int index)
    {
        var longest = 0;
        index = -1;
        var node = Children(_units[0]);
        for (var i = 0; i < bytes.Length && i < MaxSequence && bytes[i] != 0; i++)
        {
            node ^= bytes[i];
            if (node >= _units.Length || (_units[node] & 0x8000_00FF) != bytes[i])
                break;
            var unit = _units[node];
            node ^= Children(unit);
            if (!EndsText(unit))
                continue;
            longest = i + 1;
            index = TextIndex(_units[node]);
        }
        return longest;
    }

    private static bool EndsText(uint unit) => (unit & 0x8000_0100) == 0x100;

    private static uint TextUnit(uint[] units, int at) => (uint)at ^ Children(units[at]);

    private static int TextIndex(uint unit) => (int)(unit & 0x7FFF_FFFF);

    private static uint Children(uint unit) => unit >> 10 << (int)((unit & 0x200) >> 6);

    private ReadOnlySpan<byte> TextAt(int index)
    {
        var text = _texts.AsSpan(index);
        return text[..text.IndexOf((byte)0)];
    }
}
