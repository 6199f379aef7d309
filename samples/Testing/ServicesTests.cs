using EmbeddedLlm.Hosting;
using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Xunit;

namespace Testing;

/// <summary>A stub in place of the client that the app registered, with a key and without.</summary>
public sealed class ServicesTests
{
    [Fact]
    public async Task Host_WithAModelThatIsNotThere_StartsAndAnswers()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddEmbeddedLlm().AddModel("hotel", model => (model.Path, model.LoadAtStart) = ("not-there.gguf", true)); // as the app does it
        builder.Services.AddSingleton<Concierge>();

        builder.Services.AddStubChatClient(stub => stub.Otherwise().Reply("Welcome!"));
        builder.Services.AddKeyedStubChatClient("hotel", stub => stub.Otherwise().Reply("Welcome to the hotel!"));

        using var host = builder.Build();
        await host.StartAsync();
        Assert.Equal("Welcome!", await host.Services.GetRequiredService<Concierge>().AnswerAsync("Hello"));
        Assert.Equal("Welcome to the hotel!", (await host.Services.GetRequiredKeyedService<IChatClient>("hotel").GetResponseAsync("Hello")).Text);
        host.Services.GetRequiredService<StubChatClient>().AssertReceived("hello");
        await host.StopAsync();
    }
}
