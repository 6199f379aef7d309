using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>Who shares computed beginnings with whom.</summary>
public sealed class PromptCacheTests
{
    private static readonly ChatMessage[] Question = [new(ChatRole.User, new string('a', 100))];

    private static readonly ChatOptions None = new ChatOptions().WithPromptCache(false);

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static async Task<bool> IsCached(ScriptedModel model, ChatOptions? options) =>
        (await model.Client.GetResponseAsync(Question, options, Test)).Usage!.CachedInputTokenCount > 0;

    private static ChatOptions Tenant(string name) => new ChatOptions().WithPromptCacheKey(name);

    [Fact]
    public async Task GetResponseAsync_CacheOff_NeitherReadsNorOffers()
    {
        using var model = ScriptedModel.Answering("Hello");

        Assert.False(await IsCached(model, None));
        Assert.False(await IsCached(model, new()));     // nothing was offered
        Assert.True(await IsCached(model, new()));
        Assert.False(await IsCached(model, None));      // nothing is read
    }

    [Fact]
    public async Task GetResponseAsync_CacheKeys_ShareAmongThemselvesAlone()
    {
        using var model = ScriptedModel.Answering("Hello");

        Assert.False(await IsCached(model, Tenant("one")));
        Assert.True(await IsCached(model, Tenant("one")));
        Assert.False(await IsCached(model, Tenant("two")));
        Assert.False(await IsCached(model, new()));
        Assert.True(await IsCached(model, Tenant("two")));
        Assert.True(await IsCached(model, new()));
        Assert.False(await IsCached(model, Tenant("one").WithPromptCache(false)));
    }

    [Fact]
    public async Task GetResponseAsync_SamePromptsAtOnceWithoutTheCache_AllComputeIt()
    {
        using var model = ScriptedModel.Answering("Hello");

        var responses = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => model.Client.GetResponseAsync(Question, None, Test)));

        Assert.All(responses, response => Assert.Equal(("Hello", 0), (response.Text, response.Usage!.CachedInputTokenCount)));
        Assert.True(model.Runner.Rows >= responses.Sum(response => response.Usage!.InputTokenCount));
    }

    [Fact]
    public async Task CompleteAsync_CacheKey_IsHonoured()
    {
        using var model = ScriptedModel.Answering("Hello");
        var prompt = $"{new string('a', 100)}<|im_start|>assistant\n";

        Assert.Equal(0, (await model.Model.CompleteAsync(prompt, new() { PromptCacheKey = "one" }, Test)).Usage.CachedInputTokenCount);
        Assert.Equal(0, (await model.Model.CompleteAsync(prompt, new() { PromptCacheKey = "two" }, Test)).Usage.CachedInputTokenCount);
        Assert.NotEqual(0, (await model.Model.CompleteAsync(prompt, new() { PromptCacheKey = "one" }, Test)).Usage.CachedInputTokenCount);
    }
}
