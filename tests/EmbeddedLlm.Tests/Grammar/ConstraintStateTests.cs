using EmbeddedLlm.Grammar;

namespace EmbeddedLlm.Tests.Grammar;

public sealed class ConstraintStateTests
{
    [Fact]
    public void Rollback_AfterTokens_MasksAsBefore()
    {
        var constraint = GrammarTesting.Schema("""{"type": "array", "items": {"type": "integer", "maximum": 50}}""");
        var state = constraint.Start();
        var before = new ulong[constraint.MaskLength];
        var after = new ulong[constraint.MaskLength];
        Assert.Equal(3, state.AcceptText("[12"u8));
        state.FillMask(before);

        var clone = state.Clone();
        Assert.Equal(4, clone.AcceptText(",3,4"u8));
        clone.Rollback(1);
        clone.FillMask(after);

        Assert.Equal(before, after);
        Assert.Equal(1, state.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => state.Rollback(2));
    }

    [Fact]
    public void Accept_EndBeforeTheTextIsComplete_IsRefused()
    {
        var tokenizer = GrammarTesting.Tiny;
        var state = Constraint.FromChoices(["yes", "no"], tokenizer).Start();
        var end = tokenizer.EndOfGeneration.First();

        Assert.False(state.Accept(end));
        Assert.Equal(2, state.AcceptText("no"u8));
        Assert.True(state.Accept(end));
        Assert.True(state.IsEnded);
        Assert.False(state.Accept(end));
        var mask = new ulong[Constraint.FromChoices(["yes"], tokenizer).MaskLength];
        state.FillMask(mask);
        Assert.All(mask, word => Assert.Equal(0UL, word));
    }

    [Fact]
    public void AcceptText_WhereTheTextBreaksTheRule_SaysHowFarItCame()
    {
        var state = Constraint.FromRegex("[a-c]+!", GrammarTesting.Tiny).Start();

        Assert.Equal(2, state.AcceptText("abx"u8));
        Assert.Equal(0, state.Count);
        Assert.Equal("a to c", state.DescribeNext());
    }

    [Fact]
    public void Forced_OneWayOn_IsThatText()
    {
        var tokenizer = GrammarTesting.Tiny;
        var state = GrammarTesting.Schema("""{"type": "object", "properties": {"answer": {"enum": ["only this"]}}, "required": ["answer"], "additionalProperties": false}""").Start();

        Assert.Equal("""{"answer":"only this"}""", tokenizer.Decode(state.Forced()));
        Assert.All(state.Forced(), token => Assert.True(state.Accept(token)));
        Assert.True(state.IsComplete);
    }

    [Fact]
    public void Forced_FreeTextFollows_LeavesTheLastTokenOpen()
    {
        var tokenizer = GrammarTesting.Tiny;
        var state = Constraint.FromRegex("Hello there, [a-z]+", tokenizer).Start();

        Assert.StartsWith(tokenizer.Decode(state.Forced()), "Hello there, ", StringComparison.Ordinal);
        Assert.Empty(Constraint.FromRegex("[ab]+", tokenizer).Start().Forced());
    }

    [Fact]
    public void FillMask_SeenBefore_AllocatesNothing()
    {
        var constraint = GrammarTesting.Schema("""{"type": "array", "items": {"type": "string"}}""");
        var mask = new ulong[constraint.MaskLength];
        var tokens = GrammarTesting.Tiny.Encode("""["one","two","three"]""", addSpecial: false, parseSpecial: false);
        var state = constraint.Start();
        Walk();
        Walk();

        var before = GC.GetAllocatedBytesForCurrentThread();
        Walk();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Walk()
        {
            foreach (var token in tokens)
            {
                state.FillMask(mask);
                if (!state.Accept(token))
                    throw new InvalidOperationException();
            }
            state.Rollback(tokens.Length);
        }
    }

    [Fact]
    public void Constraint_ManyStatesAtOnce_AgreeWithOne()
    {
        var constraint = GrammarTesting.Schema("""{"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}, "b": {"type": "number"}}, "additionalProperties": false}""");
        var masks = new ulong[8][];
        Parallel.For(0, masks.Length, i =>
        {
            var state = constraint.Start();
            foreach (var b in """{"a":"long","b":-1.25"""u8.ToArray())
            {
                masks[i] = new ulong[constraint.MaskLength];
                state.FillMask(masks[i]);
                state.AcceptText([b]);
            }
        });

        Assert.All(masks, mask => Assert.Equal(masks[0], mask));
    }
}
