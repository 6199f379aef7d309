using CsCheck;
using EmbeddedLlm.Chat;

namespace EmbeddedLlm.Tests.Chat;

public sealed class StopStringsTests
{
    [Fact]
    public void Append_StopSplitOverPieces_IsNeverGivenOut()
    {
        var stops = new StopStrings(["END"]);

        Assert.Equal("one ", stops.Append("one E"));
        Assert.Equal("", stops.Append("N"));
        Assert.Equal("", stops.Append("D two"));
        Assert.True(stops.Found);
        Assert.Equal("", stops.Append("more"));
        Assert.Equal("", stops.Flush());
    }

    [Fact]
    public void Append_BeginningThatBecomesNoStop_IsGivenOutAtOnce()
    {
        var stops = new StopStrings(["\n\nUser:"]);

        Assert.Equal("a", stops.Append("a\n"));
        Assert.Equal("\nb", stops.Append("b"));
        Assert.Equal("", stops.Append("\n\nUse"));
        Assert.Equal("\n\nUse", stops.Flush());
        Assert.False(stops.Found);
    }

    [Fact]
    public void Append_OverlappingBeginnings_KeepTheLongest()
    {
        var stops = new StopStrings(["aab"]);

        Assert.Equal("", stops.Append("aa"));
        Assert.Equal("a", stops.Append("a"));
        Assert.Equal("", stops.Append("b"));
        Assert.True(stops.Found);
    }

    [Fact]
    public void Append_SeveralStops_EndsAtTheFirstThatIsComplete()
    {
        Assert.Equal("x", new StopStrings(["abcd", "bc"]).Append("xabcd")[..1]);

        var stops = new StopStrings(["abcd", "bc"]);
        Assert.Equal("xa", stops.Append("xabcd"));
    }

    [Fact]
    public void Append_NoStops_PassesEverything() => Assert.Equal("text", new StopStrings([]).Append("text"));

    [Fact]
    public void Append_AnyPiecesOfAnyText_GiveTheSameText()
    {
        var word = Gen.Char["ab"].Array[1, 4].Select(c => new string(c));
        Gen.Select(word.Array[1, 3], Gen.Char["abc"].Array[0, 24].Select(c => new string(c)), Gen.Int[1, 5].Array[24]).Sample((words, text, sizes) =>
        {
            var whole = new StopStrings(words);
            var expected = whole.Append(text) + whole.Flush();

            var pieces = new StopStrings(words);
            var actual = "";
            for (int at = 0, i = 0; at < text.Length; i++)
            {
                var size = Math.Min(sizes[i], text.Length - at);
                actual += pieces.Append(text.Substring(at, size));
                at += size;
            }

            return actual + pieces.Flush() == expected
                && pieces.Found == whole.Found
                && words.All(stop => !expected.Contains(stop, StringComparison.Ordinal))
                && whole.Found == words.Any(stop => text.Contains(stop, StringComparison.Ordinal));
        });
    }
}
