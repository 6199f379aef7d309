using EmbeddedLlm.Hosting;
using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace EmbeddedLlm.Tests.Docs;

/// <summary>The C# blocks of docs/guide.md on testing apps, run as written. <see cref="House.DocsTests"/> holds the page against this file.</summary>
public sealed class TestingExamples
{
    [Fact]
    public async Task Stub()
    {
        var client = new StubChatClient();
        client.When("weather").Call("get_weather", ("city", "Paris")).Then().Reply(request => $"It is {request.ToolResults.Last().Result}.");
        client.Otherwise().Reply("I do not know.");

        var weather = AIFunctionFactory.Create((string city) => $"sunny in {city}", "get_weather");
        var app = client.AsBuilder().UseFunctionInvocation().Build();
        var reply = await app.GetResponseAsync("How is the weather?", new() { Tools = [weather] });
        Assert.Equal("It is sunny in Paris.", reply.Text);
        client.AssertReceived(request => request.Options!.Tools!.Count == 1);
    }

    [Fact]
    public async Task StubInServices()
    {
        var services = new ServiceCollection();
        services.AddEmbeddedLlm().AddModel("chat", model => model.Path = "not-there.gguf");
        services.AddStubChatClient(stub => stub.When("hi").Reply("hello"));
        await using var provider = services.BuildServiceProvider();
        Assert.Equal("hello", (await provider.GetRequiredService<IChatClient>().GetResponseAsync("Hi!")).Text);
    }

    [Fact]
    public async Task Scripted()
    {
        using var scripted = new ScriptedModel("One, two, three, four.");
        var counted = await scripted.Client.GetResponseAsync("Count!", new() { StopSequences = [", three"] });
        Assert.Equal("One, two", counted.Text);
        Assert.EndsWith("Count!<|im_end|>\n<|im_start|>assistant\n", scripted.Prompts[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task ScriptedThatWillNot()
    {
        using var unwilling = new ScriptedModel("I would rather talk.");
        var typed = await unwilling.Client.GetResponseAsync<bool>("Is it so?");
        Assert.True(typed.TryGetResult(out _));
    }
}
