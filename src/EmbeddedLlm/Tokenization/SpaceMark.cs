using System.Buffers;
using System.Text;
using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Tokenization;

/// <summary>The ▁ that vocabularies in the manner of SentencePiece write for a space.</summary>
internal static class SpaceMark
{
    public const char Mark = '▁';

    /// <summary>Where the first word ends: before the first ▁ that follows another character.</summary>
    public static int WordEnd(ReadOnlySpan<char> text)
    {
        var start = text.IndexOfAnyExcept(Mark);
        var end = start < 0 ? -1 : text[start..].IndexOf(Mark);
        return end < 0 ? text.Length : start + end;
    }

    /// <summary>Writes the bytes of a piece, with spaces for ▁.</summary>
    public static void Spell(string piece, IBufferWriter<byte> writer) => Encoding.UTF8.GetBytes(piece.Replace(Mark, ' '), writer);

    /// <summary>Half a surrogate pair is no character; it counts as U+FFFD, as everywhere in .NET.</summary>
    public static void ReplaceLoneSurrogates(Span<char> text)
    {
        for (var i = text.IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
                i++;
            else if (char.IsSurrogate(text[i]))
                text[i] = '\uFFFD';
        }
    }
}
