using EmbeddedLlm.Engine;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.Logging.Abstractions;
using static EmbeddedLlm.Tests.Engine.EngineTesting;

namespace EmbeddedLlm.Tests.Engine;

public sealed class PrefixBlocksTests
{
    private const int BlockTokens = 4;
    private const int BlockBytes = BlockTokens * sizeof(int);

    private static readonly int[] Prompt = [.. Enumerable.Range(0, 21).Select(i => (i * 11 + 3) % Vocabulary)];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static InferenceEngine Engine(ScriptedRunner runner, int stateSlots = 0) =>
        new(runner, Options with { StateSlots = stateSlots }, NullLogger.Instance);

    private static GenerationRequest Request(ReadOnlyMemory<int> prompt, long key = 0) =>
        new() { Prompt = prompt, PrefixKey = key, Sampling = SamplingOptions.Greedy, Seed = 1, MaxTokens = 6 };

    // The prompt, its answer and the KV blocks of both.
    private static async Task<(int[] Tokens, byte[] Bytes, int Positions)> ComputedAsync(int blocks = 16)
    {
        using var runner = new ScriptedRunner(Vocabulary, blocks, BlockTokens);
        await using var engine = Engine(runner);
        int[] tokens = [.. Prompt, .. await engine.Start(Request(Prompt), Test).ToArrayAsync()];
        var bytes = new byte[10 * BlockBytes];
        return (tokens, bytes, await engine.ReadPrefixAsync(0, tokens, 0, bytes));
    }

    [Fact]
    public async Task Write_WhatWasRead_IsFoundByTheNextRequest()
    {
        var (tokens, bytes, positions) = await ComputedAsync();
        Assert.Equal(tokens.Length - 1, positions);                         // the last token was not run
        using var runner = new ScriptedRunner(Vocabulary, 16, BlockTokens);
        await using var engine = Engine(runner);

        Assert.Equal(positions, await engine.WritePrefixAsync(0, tokens.AsMemory(0, positions), 0, bytes));

        Assert.Equal((0, 7), (engine.Stats.KvBlocksUsed, engine.Stats.KvBlocksCached));
        int[] next = [.. tokens, 5, 6, 7];
        var answer = engine.Start(Request(next), Test);
        Assert.Equal(Alone(Request(next)), await answer.ToArrayAsync());
        Assert.Equal(positions, answer.CachedTokens);
    }

    [Fact]
    public async Task ReadAndWrite_BlockByBlock_IsAsAllAtOnce()
    {
        var (tokens, bytes, positions) = await ComputedAsync();
        using var runner = new ScriptedRunner(Vocabulary, 16, BlockTokens);
        await using var engine = Engine(runner);
        for (var block = 0; block * BlockTokens < positions; block++)
        {
            var end = Math.Min((block + 1) * BlockTokens, positions);
            Assert.Equal(end, await engine.WritePrefixAsync(7, tokens.AsMemory(0, end), block, bytes.AsMemory(block * BlockBytes, BlockBytes)));
        }

        var again = new byte[bytes.Length];
        var read = 0;
        for (var block = 0; block < 10; block++)
            read += await engine.ReadPrefixAsync(7, tokens, block, again.AsMemory(block * BlockBytes, BlockBytes));
        Assert.Equal(positions, read);
        Assert.Equal(bytes, again);
    }

    [Fact]
    public async Task Write_UnderAKey_IsFoundUnderThatKeyAlone()
    {
        var (tokens, bytes, positions) = await ComputedAsync();
        using var runner = new ScriptedRunner(Vocabulary, 32, BlockTokens);
        await using var engine = Engine(runner);
        await engine.WritePrefixAsync(7, tokens.AsMemory(0, positions), 0, bytes);

        foreach (var (key, cached) in ((long, int)[])[(0, 0), (8, 0), (7, positions)])
        {
            var answer = engine.Start(Request(tokens, key), Test);
            await answer.ToArrayAsync();
            Assert.Equal(cached, answer.CachedTokens);
        }
    }

    [Fact]
    public async Task Write_WithoutRoom_StopsWhereTheMemoryEnds()
    {
        var (tokens, bytes, positions) = await ComputedAsync();
        using var runner = new ScriptedRunner(Vocabulary, 5, BlockTokens);
        await using var engine = Engine(runner);

        Assert.Equal(5 * BlockTokens, await engine.WritePrefixAsync(0, tokens.AsMemory(0, positions), 0, bytes));

        Assert.Equal((0, 5), (engine.Stats.KvBlocksUsed, engine.Stats.KvBlocksCached));
        Assert.Equal(0, await engine.WritePrefixAsync(1, tokens.AsMemory(0, positions), 3, bytes)); // what is before was evicted, or never there
    }

    [Fact]
    public async Task Read_OfWhatOthersEvicted_EndsThere()
    {
        using var runner = new ScriptedRunner(Vocabulary, 8, BlockTokens);
        await using var engine = Engine(runner);
        int[] tokens = [.. Prompt, .. await engine.Start(Request(Prompt), Test).ToArrayAsync()];
        var bytes = new byte[10 * BlockBytes];
        Assert.Equal(tokens.Length - 1, await engine.ReadPrefixAsync(0, tokens, 0, bytes));

        await engine.Start(Request(new[] { 9, 8, 7, 6, 5, 4, 3 }), Test).ToArrayAsync();
        var left = await engine.ReadPrefixAsync(0, tokens, 0, bytes);

        Assert.InRange(left, BlockTokens, tokens.Length - 2);
        Assert.Equal(0, left % BlockTokens);
    }

    [Fact]
    public async Task ReadAndWrite_WhileOthersAnswerInLittleMemory_ChangeNoAnswer()
    {
        using var runner = new ScriptedRunner(Vocabulary, 20, BlockTokens);
        await using var engine = Engine(runner);
        var random = new Random(3);
        var requests = Enumerable.Range(0, 60).Select(_ => RandomRequest(random)).ToArray();
        var copying = Task.Run(async () =>
        {
            var bytes = new byte[10 * BlockBytes];
            for (var i = 0; i < 300; i++)
            {
                var tokens = requests[i % requests.Length].Prompt;
                var read = await engine.ReadPrefixAsync(0, tokens, 0, bytes);
                if (read > 0)
                    await engine.WritePrefixAsync(i % 3, tokens[..read], 0, bytes);
            }
        }, Test);

        var answers = await Task.WhenAll(requests.Select(request => Task.Run(() => engine.Start(request).ToArrayAsync())));
        await copying;

        Assert.Equal(requests.Select(request => Alone(request)), answers);
        Assert.Equal(0, engine.Stats.KvBlocksUsed);
    }

    [Fact]
    public async Task Write_ABackendThatFails_MakesNothingKnown()
    {
        var (tokens, bytes, positions) = await ComputedAsync();
        using var runner = new ScriptedRunner(Vocabulary, 16, BlockTokens);
        runner.BeforeCopy = _ => throw new InvalidOperationException("broken");
        await using var engine = Engine(runner);

        var failure = await Assert.ThrowsAsync<LlmException>(() => engine.WritePrefixAsync(0, tokens.AsMemory(0, positions), 0, bytes));

        Assert.Contains("broken", failure.Message, StringComparison.Ordinal);
        runner.BeforeCopy = null;
        var answer = engine.Start(Request(tokens), Test);
        Assert.Equal(Alone(Request(tokens)), await answer.ToArrayAsync());
        Assert.Equal((0, 0), (answer.CachedTokens, engine.Stats.KvBlocksUsed));
    }

    [Fact]
    public async Task Layout_OfARecurrentModelOrABackendThatGivesNoBlocks_IsNone()
    {
        using var runner = new ScriptedRunner(Vocabulary, 16, BlockTokens, stateSlots: 16);
        await using (var engine = Engine(runner, stateSlots: 16))
            Assert.Equal((null, true), (engine.Layout, engine.IsRecurrent));
        runner.KvLayout = null;
        await using (var engine = Engine(runner))
            Assert.Null(engine.Layout);
        runner.KvLayout = "x";
        await using (var engine = Engine(runner))
            Assert.Equal(new("x", BlockTokens, BlockBytes), engine.Layout);
    }

    [Fact]
    public async Task Read_AfterDispose_ThrowsWithTheModelsName()
    {
        using var runner = new ScriptedRunner(Vocabulary, 16, BlockTokens);
        var engine = Engine(runner);
        await engine.DisposeAsync();
        var failure = await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.ReadPrefixAsync(0, Prompt, 0, new byte[BlockBytes]));
        Assert.Contains("'scripted'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dispose_WhileAnErrandWaits_FailsIt()
    {
        using var runner = new ScriptedRunner(Vocabulary, 16, BlockTokens);
        using var running = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        runner.BeforeRun = _ =>
        {
            running.Set();
            goOn.Wait();
        };
        var engine = Engine(runner);
        var answer = engine.Start(Request(Prompt), Test).ToArrayAsync();
        running.Wait(Test);
        var errand = engine.ReadPrefixAsync(0, Prompt, 0, new byte[BlockBytes]); // not taken in before the step ends
        var disposing = engine.DisposeAsync();
        goOn.Set();

        await disposing;
        await Assert.ThrowsAsync<ObjectDisposedException>(() => errand);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => answer);
    }
}
