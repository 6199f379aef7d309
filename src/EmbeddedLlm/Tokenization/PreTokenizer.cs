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
    // one of a script that no pattern names. [categories in the order of UnicodeCategory]
    private const string Stand =
        "\uA790\uA791\u01C5\uA4F8\uA000" +             // letters: Lu Ll Lt Lm Lo
        "\uA66F\uA823\u0488" +                         // marks: Mn Mc Me
        "\uA620\uA6E6\uA830" +                         // numbers: Nd Nl No
        "\u205F\u2028\u2029" +                         // separators: Zs Zl Zp (none beyond the BMP)
        "\u0080\uFEFF\uFFFD\uE000" +                   // Cc, Cf, Cs (a lone surrogate), Co
        "\u203F\uFE58\uFE59\uFE5A\u2E02\u2E03\uA4FE" + // punctuation: Pc Pd Ps Pe Pi Pf Po
        "\uFE62\uFE69\uA700\uA490" +                   // symbols: Sm Sc Sk So
        "\uFFFF";                                      // Cn

    /// <summary>What a Chinese character beyond the BMP is shown as: a letter like others, unless the patterns name all of Chinese.</summary>
    public char HanStand { get; init; } = Stand[(int)UnicodeCategory.OtherLetter];

    /// <summary>Whether the first stage finds digits, which are then parted into groups of three, counted from the last.</summary>
    public bool GroupsDigits { get; init; }

    /// <summary>Whether the vocabulary spells characters, with ▁ for a space, and not the bytes of UTF-8.</summary>
    public bool SpellsCharacters { get; init; }

    /// <summary>Whether line ends that are a token together are that token, whatever the merges say.</summary>
    public bool KeepsLineEnds { get; init; }

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
            shown[count] = rune.IsBmp ? (char)rune.Value : rune.Plane is 2 or 3 ? HanStand : Stand[(int)Rune.GetUnicodeCategory(rune)];
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
                    if (GroupsDigits && stage == stages[0])
                        AddGroupEnds(finer, start + match.Index, match.Length);
                    AddEnd(finer, start + match.Index + match.Length);
                }
                AddEnd(finer, end);
                start = end;
            }
            ends = finer;
        }
        return ends;
    }

    private static void AddGroupEnds(List<int> ends, int start, int count)
    {
        for (var left = (count - 1) / 3 * 3; left > 0; left -= 3)
            AddEnd(ends, start + count - left);
    }

    private static void AddEnd(List<int> ends, int end)
    {
        if (end > (ends.Count == 0 ? 0 : ends[^1]))
            ends.Add(end);
    }
}
