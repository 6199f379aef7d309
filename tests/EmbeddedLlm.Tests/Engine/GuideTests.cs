using EmbeddedLlm.Engine;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tests.Grammar;

namespace EmbeddedLlm.Tests.Engine;

public sealed class GuideTests
{
    [Fact]
    public void Fit_DraftThatLeavesTheConstraint_IsCutThere()
    {
        var tokenizer = GrammarTesting.Tiny;
        var guide = new Guide(Constraint.FromRegex("ab(c|d)*", tokenizer), []);

        Assert.Equal(3, guide.Fit(tokenizer.Encode("abcxx", addSpecial: false)));
        Assert.Equal(1, guide.Fit([.. tokenizer.Encode("ab", addSpecial: false).AsSpan(0, 1), tokenizer.EosId!.Value]));
        guide.Prepare([]);
        Assert.True(GrammarTesting.Allows(guide.Mask(0).ToArray(), tokenizer.Encode("a", addSpecial: false)[0]));
    }

    // A draft is a guess: what it costs is not the request's fault, and least of all that of others.
    [Fact]
    public void Fit_DraftThatComesToALimit_IsCutThere()
    {
        var tokenizer = GrammarTesting.Tiny;
        var constraint = Constraint.FromRegex("x?([a-z]*a[a-z]{30000})*", tokenizer);
        var guide = new Guide(constraint, []);
        int[] draft = [.. Enumerable.Repeat(tokenizer.Encode("a", addSpecial: false)[0], 20_000)];

        Assert.InRange(guide.Fit(draft), 1, draft.Length - 1);
        Assert.True(guide.Fit(draft.AsSpan(0, 3)) == 3);
    }
}
