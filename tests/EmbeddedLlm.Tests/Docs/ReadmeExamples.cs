using System.Collections.Concurrent;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Hosting;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace EmbeddedLlm.Tests.Docs;

/// <summary>The C# blocks of the README files, run as written. <see cref="House.DocsTests"/> holds the pages against this file.</summary>
public sealed class ReadmeExamples
{
    [Fact]
    public async Task Readme_InAnApp()
    {
        var path = Golden.TinyModel;

        using var model = LlmModel.Load(path);
        IChatClient chat = model.AsIChatClient();

        var history = new List<ChatMessage> { new(ChatRole.System, "Answer briefly."), new(ChatRole.User, "Why is the sky blue?") };
        await foreach (var update in chat.GetStreamingResponseAsync(history, new ChatOptions { MaxOutputTokens = 200 }))
            Console.Write(update.Text);

        var continued = await model.CompleteAsync("Once upon a time", new GenerationOptions { MaxOutputTokens = 50 });
        Console.WriteLine($"{continued.Text} ({continued.Usage.OutputTokenCount} tokens)");

        Assert.InRange(continued.Usage.OutputTokenCount!.Value, 1, 50);
    }

    [Fact]
    public async Task Readme_Middleware()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddEmbeddedLlm().AddModel("chat", options => options.Path = Golden.TinyModel);

        builder.Services.AddChatClient(services => services.GetRequiredKeyedService<IChatClient>("chat")).UseOpenTelemetry();

        using var host = builder.Build();
        var client = host.Services.GetRequiredService<IChatClient>();
        Assert.NotSame(host.Services.GetRequiredKeyedService<IChatClient>("chat"), client);
        Assert.NotNull(client.GetService<OpenTelemetryChatClient>());
        Assert.Equal(3, (await client.GetResponseAsync("Hi", new() { MaxOutputTokens = 3, Seed = 1 })).Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task PackageReadme_Load()
    {
        var path = Golden.TinyModel;

        using var model = LlmModel.Load(path);
        IChatClient chat = model.AsIChatClient();
        await foreach (var update in chat.GetStreamingResponseAsync("Why is the sky blue?"))
            Console.Write(update.Text);
    }

    [Fact]
    public async Task PackageReadme_Services()
    {
        var path = Golden.TinyModel;
        var services = new ServiceCollection();

        services.AddEmbeddedLlm().AddModel("chat", options => options.Path = path);

        await using var provider = services.BuildServiceProvider();
        Assert.Same(provider.GetRequiredService<LlmModel>(), provider.GetRequiredKeyedService<LlmModel>("chat"));
        Assert.NotNull(provider.GetRequiredService<IChatClient>());
    }

    [Fact]
    public async Task Telemetry_Listening()
    {
        var heard = new ConcurrentQueue<object?>(); // other tests' engines report at the same time
        using var listener = new System.Diagnostics.ActivityListener { ShouldListenTo = source => source.Name == "EmbeddedLlm", ActivityStopped = activity => heard.Enqueue(activity.GetTagItem("model")) };
        System.Diagnostics.ActivitySource.AddActivityListener(listener);

        using var tracing = Sdk.CreateTracerProviderBuilder().AddSource("EmbeddedLlm").Build();
        using var metrics = Sdk.CreateMeterProviderBuilder().AddMeter("EmbeddedLlm").Build();

        using (var model = LlmModel.Load(Golden.TinyModel, new() { ModelId = "listened to" }))
            await model.CompleteAsync("Once", new GenerationOptions { MaxOutputTokens = 2 });
        Assert.Contains("listened to", heard);
    }
}
