using EmbeddedLlm.Engine;
using EmbeddedLlm.Engine.Drafts;

namespace EmbeddedLlm.Tests.Engine.Drafts;

public sealed class NGramDrafterTests
{
    [Fact]
    public void Draft_TextQuotesItself_GoesOnAsItDid()
        => AssertDraft([1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3], room: 4, expected: [4, 5, 6, 7]);

    [Fact]
    public void Draft_SeveralPlaces_TakesTheLongestMatch()
        => AssertDraft([1, 2, 3, 4, 5, 9, 3, 4, 6, 8, 1, 2, 3, 4], room: 1, expected: [5]);

    [Fact]
    public void Draft_TextRunsInALoop_GoesOnIntoItself()
        => AssertDraft([9, 1, 2, 1, 2], room: 5, expected: [1, 2, 1, 2, 1]);

    [Fact]
    public void Draft_NothingRepeats_IsEmpty()
        => AssertDraft([.. Enumerable.Range(0, 100)], room: 7, expected: []);

    [Fact]
    public void Draft_OneTokenRepeats_IsEmpty()
        => AssertDraft([1, 2, 3, 1], room: 7, expected: []);

    /// <summary>A list whose items all begin alike is copied with one item changed: behind the change the copy goes on from where it stood, not from the last item.</summary>
    [Fact]
    public void Draft_AfterAChange_GoesOnFromTheSamePlace()
    {
        var items = Enumerable.Range(0, 40).SelectMany(i => (int[])[1, 2, 3, 4, 100 + i, 200 + i]).ToArray();
        var sequence = Sequence([.. items, 99, 98, .. items.AsSpan(0, 24)], room: 1);
        var drafter = new NGramDrafter();
        drafter.Draft([sequence]);
        Assert.False(sequence.Append(1000));                                // in place of 1
        for (var i = 25; i < 60; i++)
        {
            sequence.DraftRoom = 1;
            if (i >= 29)                                                    // four tokens of the item tell nothing; its number does not either, it has a new one each time
                drafter.Draft([sequence]);
            if (i >= 29)
                Assert.Equal([items[i]], sequence.Draft);
            sequence.Append(items[i]);
        }
    }

    [Fact]
    public void Draft_TextGrows_AllocatesNothing()
    {
        var sequence = Sequence([.. Enumerable.Range(0, 400), .. Enumerable.Range(0, 400)], room: 7);
        Sequence[] sequences = [sequence];
        var drafter = new NGramDrafter();
        long before = 0;
        for (var token = 0; token < 200; token++)
        {
            if (token == 100)
                before = GC.GetAllocatedBytesForCurrentThread();
            sequence.DraftRoom = 7;
            drafter.Draft(sequences);
            sequence.Append(token);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void AssertDraft(int[] text, int room, int[] expected)
    {
        var sequence = Sequence(text, room);
        new NGramDrafter().Draft([sequence]);
        Assert.Equal(expected, sequence.Draft);
        Assert.Equal(room - expected.Length, sequence.DraftRoom);
    }

    private static Sequence Sequence(int[] text, int room) => new(new() { Prompt = text }, seed: 0, maxTokens: 10_000, new(text.Length)) { DraftRoom = room };
}
