using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace EmbeddedLlm.Tokenization;

/// <summary>
/// How a byte-level BPE vocabulary splits text into words: each stage splits what the stage before left, into its matches and what lies between them.
/// </summary>
internal sealed class PreTokenizer(params Regex[] stages)
{
    // .NET matches UTF-16 units, these patterns mean characters. So a character beyond the BMP is shown to them as one of the same category within it:
    // scripts that no pattern names. [categories in the order of UnicodeCategory]
    private const string Stand =
        "\u13A0\uAB70\u01C5\u02B0\u1401" +             // letters: Lu Ll Lt Lm Lo
        "\u1AB0\u0903\u0488" +                         // marks: Mn Mc Me
        "\u0AE6\u2180\u2189" +                         // numbers: Nd Nl No
        "\u205F\u2028\u2029" +                         // separators: Zs Zl Zp (none beyond the BMP)
        "\u0080\u2061\uFFFD\uE000" +                   // Cc, Cf, Cs (a lone surrogate), Co
        "\u203F\u2E17\u2045\u2046\u2E02\u2E03\u2E0B" + // punctuation: Pc Pd Ps Pe Pi Pf Po
        "\u2200\u20A0\u02C2\u2605" +                   // symbols: Sm Sc Sk So
        "\uFFFF";                                      // Cn

    /// <summary>Whether a word that is a token is that token, whatever the merges say.</summary>
    public bool PrefersWholeWords { get; init; }

    /// <summary>Whether texts begin with the begin token where the file does not say.</summary>
    public bool AddsBos { get; init; }

    /// <summary>Whether decoding joins punctuation to the word before it.</summary>
    public bool CleansSpaces { get; init; }

    /// <summary>Where the words of a text end; they follow one another without gaps.</summary>
    public List<int> Split(ReadOnlySpan<char> text)
    {
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
            return SplitUnits(text);

        var shown = new char[text.Length];
        var count = 0;
        for (var rest = text; !rest.IsEmpty; count++)
        {
            Rune.DecodeFromUtf16(rest, out var rune, out var length);
            shown[count] = rune.IsBmp ? (char)rune.Value : Stand[(int)Rune.GetUnicodeCategory(rune)];
            rest = rest[length..];
        }
        var ends = SplitUnits(shown.AsSpan(0, count));
        var (at, character) = (0, 0);
        for (var i = 0; i < ends.Count; i++)
        {
            for (; character < ends[i]; character++)
                at += char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;
            ends[i] = at;
        }
        return ends;
    }

    private List<int> SplitUnits(ReadOnlySpan<char> text)
    {
        List<int> ends = [text.Length];
        foreach (var stage in stages)
        {
            var finer = new List<int>(text.Length / 4 + 1);
            var start = 0;
            foreach (var end in ends)
            {
                foreach (var match in stage.EnumerateMatches(text[start..end]))
                {
                    AddEnd(finer, start + match.Index);
                    AddEnd(finer, start + match.Index + match.Length);
                }
                AddEnd(finer, end);
                start = end;
            }
            ends = finer;
        }
        return ends;
    }

    private static void AddEnd(List<int> ends, int end)
    {
        if (end > (ends.Count == 0 ? 0 : ends[^1]))
            ends.Add(end);
    }
}
