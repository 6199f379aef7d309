using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract.Scenarios;

/// <summary>The client under <see cref="DistributedCachingChatClient"/>: all that it takes and gives can be written down and read back.</summary>
public sealed class CachingScenarioTests
{
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
        Func<ChatOptions>[] many =
        [
            () => new ChatOptions().WithChoices("a", "b"),
            () => new ChatOptions().WithChoices("a", "c"),
            () => new ChatOptions().WithRegex("[a-z]"),
            () => new ChatOptions().WithGrammar("root ::= \"a\""),
            () => new ChatOptions().WithLogitBias(new Dictionary<int, float> { [3] = 1 }),
            () => new ChatOptions().WithLogitBias(new Dictionary<int, float> { [3] = 2 }),
            () => new ChatOptions().WithMinP(0.1f).WithDry(0.5f),
        ];

        for (var round = 0; round < 2; round++)
        {
            foreach (var options in many)
                Assert.Equal("a", (await client.AskAsync(streams, options: options())).Text);
        }

        Assert.Equal(many.Length, scripted.Prompts.Count);
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
