using System.Diagnostics;
using CsCheck;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Tokenization;

public sealed class PreTokenizerTests
{
    public static TheoryData<string, string, string> Cases => new()
    {
        { "gpt-2", "Hello world  it's 1234!!", "Hello| world| | it|'s| 1234|!!" },
        { "default", "it's 1234!", "it|'|s| |123|4|!" },
        { "smollm", "it's 12", "it|'s| |1|2" },
        { "llama-bpe", "IT'S 12345\n\n x", "IT|'S| |123|45|\n\n| x" },
        { "tekken", "fooBarBAZ 12", "foo|Bar|BAZ| |1|2" },
        { "gpt-4o", "fooBar's 1234", "foo|Bar's| |123|4" },
        { "qwen35", "a\u0301b", "a\u0301b" },
        { "qwen2", "(abc) 12", "(abc|)| |1|2" },
        // Characters beyond the BMP count as one character of their category: letters, digits, symbols, unassigned.
        { "qwen2", "🙂abc𝔘𝔫x", "🙂abc𝔘𝔫x" },
        { "qwen2", "𝟏𝟐a", "𝟏|𝟐|a" },
        { "llama-bpe", "𝟏𝟐𝟑𝟒", "𝟏𝟐𝟑|𝟒" },
        { "gpt-2", "a𠀀 𠀁b🙂🙂", "a𠀀| 𠀁b|🙂🙂" },
        { "kimi-k2", "fooBar中文abc𠀀x's", "foo|Bar|中文|abc|𠀀|x's" },
        { "deepseek-llm", "ab,中é 12", "ab|,|中|é| |12" },
        { "deepseek-llm", "a𠀀b  ", "a|𠀀|b|  " },
        { "deepseek-coder", "x  yz!?12\n", "x| | yz|!?|1|2|\n" },
        { "deepseek-v3", "a(b) 1234中か", "a|(b|)| |123|4|中か" },
        { "spark2_5", "!\n\n", "!|\n|\n" },
        { "afmoe", "a12345 中ไ", "a|12|345| |中ไ" },
        { "superbpe", "two words, 12345", "two words, |12|345" },
        { "tiny_aya", "1234567 1234x", "1|234|567| |123|4|x" },
        { "youtu", "한中，a12", "한|中|，|a|1|2" },
        { "jais-2", "             x", "        |    | x" },
        { "jais-2", "  \n   x", "  \n|  | x" },
        { "exaone-moe", "two words 1", "two words| |1" },
        { "bailingmoe", "a\n\n\nb", "a|\n\n\n|b" },
        { "seed-coder", "a!\nb", "a|!|\n|b" },
        { "ufakzeka", "Ali'nin it's", "Ali|'nin| it|'s" },
        { "bloom", "one two. (three)", "one| two|. (|three|)" },
        { "viking", "a12", "a|1|2" },
        { "falcon", "a`b 1234", "a|`|b| |123|4" },
        { "chameleon", "IMGIMGABZ<sentinel:12>a  12", "IMGIMGABZ|<|sentinel|:|1|2|>|a|  |1|2" },
        { "laguna", "a!\n\nb", "a|!|\n\n|b" },
        { "minicpm5", "it's 1234", "it|'s| |123|4" },
        { "gemma4", "one▁two\n\nx", "one▁two|\n\n|x" },
        { "gpt-2", "a\U000E0001\U000F0000\U0001FFFE b", "a|\U000E0001\U000F0000\U0001FFFE| b" },
    };

    public static TheoryData<string> OfEverySplitter => [.. PreTokenizers.Names.DistinctBy(PreTokenizers.Get)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Split_Text_GivesTheWords(string name, string text, string words) =>
        Assert.Equal(words.Split('|'), Words(name, text));

    [Fact]
    public void Split_AnyText_LeavesNothingOut()
    {
        Gen.Select(Gen.OneOf([.. PreTokenizers.Names]), Gen.String[Gen.Char["aA1 \n\r\t.'s中é\uD83D\uDE42\u00A0"], 0, 40]).Sample((name, text) =>
            Assert.Equal(text, string.Concat(Words(name, text))));
    }

    // All that lie in wait for a backtracking matcher: runs of one class, and what ends them.
    [Theory]
    [MemberData(nameof(OfEverySplitter))]
    public void Split_LongRuns_TakesTimeInProportion(string name)
    {
        const int Length = 1 << 18;
        var splitter = PreTokenizers.Get(name);
        foreach (var unit in (string[])["a", "A", "aA", "中", "é\u0301", "\u0301", " ", "\t", "\n", " \n", "1", "½", "!", "'", "<", "🙂", "𠀀", "a ", " a", "1a", " !", "!\n ", "<sentinel:", "IMGIMG"])
        {
            foreach (var end in (string[])["", "x", "\n"])
            {
                var text = string.Concat(Enumerable.Repeat(unit, Length / unit.Length)) + end;
                var clock = Stopwatch.StartNew();
                splitter.Split(text);

                // Some milliseconds on a free machine; anything quadratic takes minutes.
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"'{unit}' and then '{end}': {clock.Elapsed}");
            }
        }
    }

    private static List<string> Words(string name, string text)
    {
        var words = new List<string>();
        var at = 0;
        foreach (var end in PreTokenizers.Get(name).Split(text))
        {
            words.Add(text[at..end]);
            at = end;
        }
        return words;
    }
}
