using EmbeddedLlm.Engine;

namespace EmbeddedLlm.Tests.Engine;

public sealed class PrefixKeyTests
{
    [Fact]
    public void Of_NoName_IsTheKeyItself()
    {
        Assert.Equal(PrefixKey.None, PrefixKey.Of(null));
        Assert.Equal(7, PrefixKey.Of(null, 7));
    }

    [Fact]
    public void Of_EqualNamesAndKeys_AreEqualAndOthersDiffer()
    {
        (string? Name, long Key)[] all = [(null, 0), (null, 7), ("", 0), ("", 7), ("a", 0), ("a", 7), ("a\0", 0), ("A", 0), ("ä", 0), (new('x', 100_000), 0)];

        Assert.Equal(all.Length, all.Select(each => PrefixKey.Of(each.Name, each.Key)).Distinct().Count());
        Assert.Equal(PrefixKey.Of("tenant", 7), PrefixKey.Of(new("tenant".AsSpan()), 7));
    }
}
