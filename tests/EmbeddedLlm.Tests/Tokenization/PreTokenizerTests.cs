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
        { "gpt-2", "a\U000E0001\U000F0000\U0001FFFE b", "a|\U000E0001\U000F0000\U0001FFFE| b" },
    };

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
