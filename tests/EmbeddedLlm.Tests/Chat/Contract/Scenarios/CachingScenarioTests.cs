using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary>The client under <see cref="DistributedCachingChatClient"/>: all that it takes and gives can be written down and read back.</summary>
public sealed class CachingScenarioTests
{
    // By the names of the extension methods.
    private static readonly Dictionary<string, Func<ChatOptions, ChatOptions>[]> Own = new()
    {
        [nameof(ChatOptionsExtensions.WithAssistantPrefill)] = [options => options.WithAssistantPrefill("b"), options => options.WithAssistantPrefill("c")],
        [nameof(ChatOptionsExtensions.WithChoices)] = [options => options.WithChoices("a", "b"), options => options.WithChoices("a", "c")],
        [nameof(ChatOptionsExtensions.WithContextOverflow)] = [options => options.WithContextOverflow(ContextOverflow.KeepSystem), options => options.WithContextOverflow(ContextOverflow.DropOldestTurns)],
        [nameof(ChatOptionsExtensions.WithContinueFinalMessage)] = [options => options.WithContinueFinalMessage()],
        [nameof(ChatOptionsExtensions.WithDry)] = [options => options.WithDry(0.5f), options => options.WithDry(0.5f, breakers: new HashSet<int> { 3 }), options => options.WithDry(0.5f, breakers: new HashSet<int> { 4 })],
        [nameof(ChatOptionsExtensions.WithGrammar)] = [options => options.WithGrammar("root ::= \"a\""), options => options.WithGrammar("root ::= [a]")],
        [nameof(ChatOptionsExtensions.WithJsonWhiteSpace)] = [options => options.WithJsonWhiteSpace(), options => options.WithJsonWhiteSpace(false)],
        [nameof(ChatOptionsExtensions.WithLogitBias)] = [options => options.WithLogitBias(new Dictionary<int, float> { [3] = 1 }), options => options.WithLogitBias(new Dictionary<int, float> { [3] = 2 })],
        [nameof(ChatOptionsExtensions.WithLogprobs)] = [options => options.WithLogprobs(), options => options.WithLogprobs(top: 2)],
        [nameof(ChatOptionsExtensions.WithMinP)] = [options => options.WithMinP(0.1f), options => options.WithMinP(0.2f)],
        [nameof(ChatOptionsExtensions.WithMirostat)] = [options => options.WithMirostat(5), options => options.WithMirostat(5, eta: 0.2f)],
        [nameof(ChatOptionsExtensions.WithPromptCache)] = [options => options.WithPromptCache(true), options => options.WithPromptCache(false)],
        [nameof(ChatOptionsExtensions.WithPromptCacheKey)] = [options => options.WithPromptCacheKey("a"), options => options.WithPromptCacheKey("b")],
        [nameof(ChatOptionsExtensions.WithRegex)] = [options => options.WithRegex("[a-z]"), options => options.WithRegex("[a-y]")],
        [nameof(ChatOptionsExtensions.WithRepetitionPenalty)] = [options => options.WithRepetitionPenalty(1.1f), options => options.WithRepetitionPenalty(1.1f, window: 5)],
        [nameof(ChatOptionsExtensions.WithStopTokens)] = [options => options.WithStopTokens(3), options => options.WithStopTokens(3, 4)],
        [nameof(ChatOptionsExtensions.WithTypicalP)] = [options => options.WithTypicalP(0.9f), options => options.WithTypicalP(0.8f)],
        [nameof(ChatOptionsExtensions.WithXtc)] = [options => options.WithXtc(0.1f), options => options.WithXtc(0.1f, threshold: 0.2f)],
    };

    public static TheoryData<bool> Ways => [false, true];

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Caching_OutputVariesWithoutCaching_SinceTheDefaultIsNotGreedy(bool streams)
    {
        using var model = LlmModel.Load(Golden.TinyModel);
        var client = model.AsIChatClient();

        var first = await client.AskAsync(streams, "Once upon a time", new() { MaxOutputTokens = 50 });
        var second = await client.AskAsync(streams, "Once upon a time", new() { MaxOutputTokens = 50 });

        Assert.NotEqual(first.Text, second.Text);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Caching_SamePrompt_ResultsInCacheHit(bool streams)
    {
        using var scripted = new Scripted("<think>Hm.</think>\n\nFirst.", "Second.");
        var client = scripted.Client.AsBuilder().UseDistributedCache(new DictionaryCache()).Build();

        var first = await client.AskAsync(streams);
        var second = await client.AskAsync(streams);

        Assert.Single(scripted.Prompts);
        Assert.Equal((first.Text, first.ResponseId, first.FinishReason, first.ModelId), (second.Text, second.ResponseId, second.FinishReason, second.ModelId));
        Assert.Equal((first.Usage!.InputTokenCount, first.Usage.OutputTokenCount), (second.Usage!.InputTokenCount, second.Usage.OutputTokenCount));
        Assert.Equal(first.Messages[0].Contents.Select(content => content.GetType()), second.Messages[0].Contents.Select(content => content.GetType()));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Caching_OptionsOfThisLibrary_ArePartOfTheKey(bool streams)
    {
        using var scripted = new Scripted("a");
        var client = scripted.Client.AsBuilder().UseDistributedCache(new DictionaryCache()).Build();
        ChatMessage[] messages = [new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "b")];
        for (var round = 0; round < 2; round++)
        {
            foreach (var option in Own.SelectMany(options => options.Value))
                Assert.Equal("a", (await client.AskAsync(streams, messages, option(new()))).Text);
        }

        Assert.Equal(Own.Sum(options => options.Value.Length), scripted.Prompts.Count);
    }

    [Fact]
    public void Caching_OptionsOfThisLibrary_AreAllTried() => Assert.Equal(
        typeof(ChatOptionsExtensions).GetMethods().Select(method => method.Name).Where(name => name.StartsWith("With", StringComparison.Ordinal)).Distinct().Order(),
        Own.Keys.Order());

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Caching_WhatResponsesCarryBeside_ComesBack(bool streams)
    {
        using var scripted = new Scripted(_ => "Yes.", new() { ContextLength = 64 });
        var client = scripted.Client.AsBuilder().UseDistributedCache(new DictionaryCache()).Build();
        ChatMessage[] messages = [new(ChatRole.User, "An old question of many words and more."), new(ChatRole.Assistant, "An answer."), new(ChatRole.User, "And a new question?")];
        ChatOptions Options() => new ChatOptions { MaxOutputTokens = 8 }.WithLogprobs(top: 2).WithContextOverflow(ContextOverflow.KeepSystem);

        var first = await client.AskAsync(streams, messages, Options());
        var second = await client.AskAsync(streams, messages, Options());

        Assert.Single(scripted.Prompts);
        Assert.Equal((2, first.Usage!.OutputTokenCount), (second.GetDroppedMessages(), second.GetLogprobs().Count));
        Assert.Equal(first.GetLogprobs().Select(token => (token.Token, token.Logprob, token.Top.Count)), second.GetLogprobs().Select(token => (token.Token, token.Logprob, token.Top.Count)));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Caching_BeforeFunctionInvocation_AvoidsExtraCalls(bool streams)
    {
        using var scripted = Telling();
        var calls = 0;
        var client = scripted.Client.AsBuilder().UseDistributedCache(new DictionaryCache()).UseFunctionInvocation().Build();
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create(() => $"sunny {++calls}", "weather")] };

        var first = await client.AskAsync(streams, options: options);
        var second = await client.AskAsync(streams, options: options);

        Assert.Equal(("It is sunny 1.", "It is sunny 1."), (first.Messages[^1].Text, second.Messages[^1].Text));
        Assert.Equal((1, 2), (calls, scripted.Prompts.Count));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Caching_AfterFunctionInvocation_FunctionOutputUnchanged_AsksTheModelNoMore(bool streams)
    {
        using var scripted = Telling();
        var calls = 0;
        var client = scripted.Client.AsBuilder().UseFunctionInvocation().UseDistributedCache(new DictionaryCache()).Build();
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create(() => (++calls, "sunny 7").Item2, "weather")] };

        await client.AskAsync(streams, options: options);
        var second = await client.AskAsync(streams, options: options);

        Assert.Equal("It is sunny 7.", second.Messages[^1].Text);
        Assert.Equal((2, 2), (calls, scripted.Prompts.Count)); // the calls' ids come from the cache, so the second prompt is the same
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Caching_AfterFunctionInvocation_FunctionOutputChanged_AsksTheModelAgain(bool streams)
    {
        using var scripted = Telling();
        var calls = 0;
        var client = scripted.Client.AsBuilder().UseFunctionInvocation().UseDistributedCache(new DictionaryCache()).Build();
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create(() => $"sunny {++calls}", "weather")] };

        await client.AskAsync(streams, options: options);
        var second = await client.AskAsync(streams, options: options);

        Assert.Equal("It is sunny 2.", second.Messages[^1].Text);
        Assert.Equal((2, 3), (calls, scripted.Prompts.Count));
    }

    // Asks for the weather, then says it.
    private static Scripted Telling() => new(prompt => prompt.Split("sunny ") is [_, .., var last] ? $"It is sunny {last[0]}." : Asking.Call("weather"));
}
