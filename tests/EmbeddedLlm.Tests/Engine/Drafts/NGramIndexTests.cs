using CsCheck;
using EmbeddedLlm.Engine.Drafts;

namespace EmbeddedLlm.Tests.Engine.Drafts;

public sealed class NGramIndexTests
{
    /// <summary>However the text grows, a search finds what a scan of all of it finds; texts here have no more places than a search looks at.</summary>
    [Fact]
    public void Find_AnyTextInAnyPieces_AgreesWithAScan()
        => Gen.Select(Gen.Int[1, 5], Gen.Int[0, 3].Array[0, 16], Gen.Int[1, 5]).Sample((n, tokens, piece) =>
        {
            var index = new NGramIndex(n);
            for (var count = 0; count <= tokens.Length; count += piece)
            {
                var text = tokens.AsSpan(0, count);
                var found = index.Find(text, out var length);
                var expected = Scan(text, n, out var expectedLength);
                Assert.Equal(expected, found);
                if (found != NGramIndex.None)
                    Assert.Equal(expectedLength, length);
            }
        });

    [Fact]
    public void Find_LongText_TakesTheLatestOfTheLongest()
    {
        int[] text = [.. Enumerable.Range(0, 5000), 7, 8, 1, 6, 7, 8, 2, .. Enumerable.Range(5000, 3000), 6, 7, 8];
        Assert.Equal(5006, new NGramIndex(2).Find(text, out var length));
        Assert.Equal(3, length);
    }

    [Fact]
    public void Find_TextGrows_AllocatesNothing()
    {
        var index = new NGramIndex(2);
        var text = new int[1000];
        for (var i = 0; i < text.Length; i++)
            text[i] = i * i % 97;
        index.Find(text.AsSpan(0, 600), out _);                             // takes room for 1024
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var count = 601; count <= text.Length; count++)
            index.Find(text.AsSpan(0, count), out _);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static int Scan(ReadOnlySpan<int> tokens, int n, out int length)
    {
        var found = NGramIndex.None;
        length = n - 1;
        for (var place = tokens.Length - 1; place >= n; place--)
        {
            var match = tokens[..place].Length;
            for (var i = 0; i < match; i++)
                if (tokens[place - 1 - i] != tokens[^(1 + i)])
                    match = i;
            if (match > length)
                (found, length) = (place, match);
        }
        return found;
    }
}
