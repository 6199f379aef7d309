using CsCheck;
using EmbeddedLlm.Engine.Drafts;

namespace EmbeddedLlm.Tests.Engine.Drafts;

public sealed class DraftAllowanceTests
{
    /// <summary>The bound on what is lost: however long the text, tries that miss are few.</summary>
    [Fact]
    public void Tokens_NeverRight_AreAtMostOneInEight()
    {
        var allowance = new DraftAllowance();
        var tried = 0;
        for (var token = 0; token < 1000; token++)
        {
            tried += allowance.Tokens;
            allowance.Settle(allowance.Tokens, 0);
        }
        Assert.InRange(tried, 100, DraftAllowance.TriesPerHit + (1000 / DraftAllowance.TokensPerTry));
    }

    [Fact]
    public void Tokens_AlwaysRight_FillAStepSoonAndStay()
    {
        var allowance = new DraftAllowance();
        for (var step = 0; step < 3; step++)
            allowance.Settle(allowance.Tokens, allowance.Tokens);
        for (var step = 0; step < 100; step++)
        {
            Assert.InRange(allowance.Tokens, 7, DraftAllowance.Most);
            allowance.Settle(7, 7);
        }
    }

    [Fact]
    public void Tokens_RightAgainAfterALongFailure_Recover()
    {
        var allowance = new DraftAllowance();
        for (var token = 0; token < 100; token++)
            allowance.Settle(allowance.Tokens, 0);
        for (var token = 0; token < 20 && allowance.Tokens < 7; token++)
            allowance.Settle(allowance.Tokens, allowance.Tokens);
        Assert.InRange(allowance.Tokens, 7, DraftAllowance.Most);
    }

    [Fact]
    public void Tokens_WhateverHappens_StayInRange()
        => Gen.Select(Gen.Int[0, 7], Gen.Int[0, 7]).Array.Sample(steps =>
        {
            var allowance = new DraftAllowance();
            foreach (var (drafted, accepted) in steps)
            {
                allowance.Settle(Math.Min(drafted, allowance.Tokens), Math.Min(Math.Min(drafted, allowance.Tokens), accepted));
                Assert.InRange(allowance.Tokens, 0, DraftAllowance.Most);
            }
        });
}
