using System.Text;

namespace EmbeddedLlm.Tokenization;

/// <summary>The tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c> of a vocabulary, which stand for the bytes of characters without a token.</summary>
internal sealed class ByteTokens
{
    private readonly int[] _ids = new int[256]; // -1: no such token

    public ByteTokens(Vocabulary vocabulary)
    {
        for (var value = 0; value < 256; value++)
            _ids[value] = vocabulary.Ids.GetValueOrDefault($"<0x{value:X2}>", -1);
    }

    /// <summary>Appends the bytes of a character or a few; nothing, and false, where the vocabulary lacks one of them.</summary>
    public bool TryAppend(ReadOnlySpan<char> characters, List<int> ids)
    {
        var start = ids.Count;
        Span<byte> bytes = stackalloc byte[4];
        foreach (var rune in characters.EnumerateRunes())
        {
            foreach (var value in bytes[..rune.EncodeToUtf8(bytes)])
            {
                if (_ids[value] < 0)
                {
                    ids.RemoveRange(start, ids.Count - start);
                    return false;
                }
                ids.Add(_ids[value]);
            }
        }
        return true;
    }
}
