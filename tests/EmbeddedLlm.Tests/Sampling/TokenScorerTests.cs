using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Tests.Sampling;

public sealed class TokenScorerTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(20)]
    public void Score_TokensThatCannotBe_AreNamedNowhere(int top)
    {
        var scorer = new TokenScorer(6, new(6));
        scorer.Keep([1e6f, float.NegativeInfinity, 1e6f, float.NegativeInfinity, 0, 1e6f]);

        var score = scorer.Score(2, top);

        Assert.Equal(2, score.Token);
        Assert.Equal(-MathF.Log(3), score.Logprob, 1e-6);
        Assert.Equal(new[] { 0, 2, 5, 4 }.Take(top), score.Top.Select(other => other.Token));
        Assert.All(score.Top, other => Assert.Equal(other.Token == 4 ? -1e6f : -MathF.Log(3), other.Logprob, 2f));
    }
}
