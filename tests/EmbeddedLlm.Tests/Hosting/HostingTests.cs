using EmbeddedLlm.Backends;
using EmbeddedLlm.Cpu;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Hosting;
using EmbeddedLlm.Tests.HuggingFace;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;

namespace EmbeddedLlm.Tests.Hosting;

public sealed class HostingTests
{
    private static readonly string ModelPath = Golden.Repo("models", "llama", "model.gguf");
    private static readonly ChatOptions Short = new() { MaxOutputTokens = 3, Seed = 1 };

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static HostApplicationBuilder App(params (string Key, string? Value)[] configuration)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection();
        foreach (var (key, value) in configuration)
            builder.Configuration[key] = value;
        builder.Services.AddLogging(logging => logging.AddFakeLogging());
        return builder;
    }

    [Fact]
    public async Task AddModel_FirstModel_IsThereWithAndWithoutKey()
    {
        var builder = App();
        builder.Services.AddEmbeddedLlm().AddModel("chat", options => options.Path = ModelPath).AddModel("other", options => options.Path = ModelPath);
        using var host = builder.Build();

        var model = host.Services.GetRequiredKeyedService<LlmModel>("chat");
        Assert.Same(model, host.Services.GetRequiredService<LlmModel>());
        Assert.Same(model.AsIChatClient(), host.Services.GetRequiredService<IChatClient>());
        Assert.Same(model.AsIChatClient(), host.Services.GetRequiredKeyedService<IChatClient>("chat"));
        Assert.NotSame(model, host.Services.GetRequiredKeyedService<LlmModel>("other"));
        Assert.Equal(3, (await host.Services.GetRequiredService<IChatClient>().GetResponseAsync("Hi", Short, Test)).Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task AddEmbeddingModel_BesideAChatModel_IsThereWithAndWithoutKey()
    {
        var builder = App(("EmbeddedLlm:Models:embed:Path", ModelPath), ("EmbeddedLlm:Models:embed:Embedding:Pooling", "Mean"));
        builder.Services.AddEmbeddedLlm()
            .AddEmbeddingModel("embed")
            .AddModel("chat", options => options.Path = ModelPath)
            .AddEmbeddingModel("other", builder.Configuration.GetSection("EmbeddedLlm:Models:embed"), options => options.Embedding = options.Embedding with { Pooling = Pooling.Last });
        using var host = builder.Build();

        var generator = host.Services.GetRequiredService<IEmbeddingGenerator<string, Embedding<float>>>();
        Assert.Same(generator, host.Services.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("embed"));
        Assert.Same(generator, host.Services.GetRequiredKeyedService<LlmModel>("embed").AsIEmbeddingGenerator());
        Assert.NotSame(generator, host.Services.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>("other"));
        Assert.Same(host.Services.GetRequiredKeyedService<LlmModel>("chat"), host.Services.GetRequiredService<LlmModel>());
        Assert.Same(host.Services.GetRequiredKeyedService<IChatClient>("chat"), host.Services.GetRequiredService<IChatClient>());
        Assert.Null(host.Services.GetKeyedService<IChatClient>("embed"));
        Assert.Equal(64, (await generator.GenerateVectorAsync("Hi", cancellationToken: Test)).Length);
        Assert.Throws<ArgumentException>(() => builder.Services.AddEmbeddedLlm().AddEmbeddingModel("chat"));
    }

    [Fact]
    public void AddModel_Section_IsBoundBeforeTheAction()
    {
        var builder = App(("EmbeddedLlm:Models:chat:Path", ModelPath), ("EmbeddedLlm:Models:chat:ContextLength", "100"), ("EmbeddedLlm:Models:chat:ModelId", "from-file"), ("Mine:Path", "mine.gguf"));
        builder.Services.AddEmbeddedLlm()
            .AddModel("chat", options => options.ModelId = "from-code")
            .AddModel("mine", builder.Configuration.GetSection("Mine"));
        using var host = builder.Build();

        var model = host.Services.GetRequiredKeyedService<LlmModel>("chat");

        Assert.Equal((100, "from-code"), (model.ContextLength, model.ModelId));
        Assert.Equal("mine.gguf", Assert.Throws<OptionsValidationException>(() => host.Services.GetRequiredKeyedService<LlmModel>("mine")).Message.Split('\'')[3]);
    }

    [Fact]
    public void AddModel_AFolder_IsLoaded()
    {
        using var folder = new TemporaryFolder();
        var (path, _) = FolderModel.Write("llama", folder.Path);
        var builder = App();
        builder.Services.AddEmbeddedLlm().AddModel("chat", options => options.Path = path);
        using var app = builder.Build();

        Assert.Equal(512, app.Services.GetRequiredService<LlmModel>().Tokenizer.VocabularySize);
    }

    [Fact]
    public void AddModel_SameNameTwice_IsAnError()
    {
        var models = App().Services.AddEmbeddedLlm().AddModel("chat");

        Assert.Contains("'chat'", Assert.Throws<ArgumentException>("name", () => models.AddModel("chat")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("name", () => models.Services.AddEmbeddedLlm().AddModel("chat"));
    }

    [Fact]
    public void AddEmbeddedLlm_Twice_AddsNothing()
    {
        var services = new ServiceCollection();
        services.AddEmbeddedLlm();
        var count = services.Count;

        services.AddEmbeddedLlm();

        Assert.Equal(count, services.Count);
    }

    [Theory]
    [InlineData("Path", "nowhere.gguf")]
    [InlineData("ContextLength", "0")]
    [InlineData("ContextLength", "many")]
    [InlineData("Contextlenght", "100")]
    public async Task Start_InvalidOptions_FailsWithTheirName(string key, string value)
    {
        var builder = App(("EmbeddedLlm:Models:chat:Path", ModelPath), ($"EmbeddedLlm:Models:chat:{key}", value));
        builder.Services.AddEmbeddedLlm().AddModel("chat");
        using var host = builder.Build();

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Test));

        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains("chat", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_Lazy_LoadsNothing_LoadAtStart_Loads()
    {
        var builder = App();
        builder.Services.AddEmbeddedLlm()
            .AddModel("lazy", options => options.Path = ModelPath)
            .AddModel("eager", options => (options.Path, options.LoadAtStart, options.ModelId) = (ModelPath, true, "eager-model"));
        using var host = builder.Build();

        await host.StartAsync(Test);

        var loaded = host.Services.GetFakeLogCollector().GetSnapshot().Where(record => record.Id.Id == 2000);
        Assert.Contains("eager-model", Assert.Single(loaded).Message, StringComparison.Ordinal);
        await host.StopAsync(Test);
    }

    [Fact]
    public async Task Resolve_ManyAtOnce_LoadsOnce()
    {
        var builder = App();
        builder.Services.AddEmbeddedLlm().AddModel("chat", options => options.Path = ModelPath);
        using var host = builder.Build();

        var models = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => host.Services.GetRequiredService<LlmModel>())));

        Assert.Single(models.Distinct());
        Assert.Single(host.Services.GetFakeLogCollector().GetSnapshot(), record => record.Id.Id == 2000);
    }

    [Fact]
    public void Resolve_AfterAFailedLoad_TriesAgain()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.gguf");
        var builder = App();
        builder.Services.AddEmbeddedLlm().AddModel("chat", options => options.Path = path);
        using var host = builder.Build();
        try
        {
            Assert.Throws<OptionsValidationException>(() => host.Services.GetRequiredService<LlmModel>());
            File.WriteAllText(path, "no model");
            Assert.Contains("GGUF", Assert.Throws<OptionsValidationException>(() => host.Services.GetRequiredService<LlmModel>()).Message, StringComparison.Ordinal);
            var writer = new GgufWriter();
            writer.Set("general.architecture", GgufValue.Of("abacus"));
            writer.Save(path);
            Assert.Throws<UnsupportedModelException>(() => host.Services.GetRequiredService<LlmModel>());
            Assert.Contains(host.Services.GetFakeLogCollector().GetSnapshot(), record => record.Id.Id == 2003);
            File.Copy(ModelPath, path, overwrite: true);
            Assert.NotNull(host.Services.GetRequiredService<LlmModel>());
        }
        finally
        {
            host.Dispose();
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Dispose_OfTheHost_DisposesTheModels()
    {
        var builder = App();
        builder.Services.AddEmbeddedLlm().AddModel("chat", options => options.Path = ModelPath);
        IChatClient client;
        using (var host = builder.Build())
            client = host.Services.GetRequiredService<IChatClient>();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hi", cancellationToken: Test));
    }

    [Fact]
    public async Task AddBackend_BestOffer_Runs()
    {
        var builder = App();
        builder.Services.AddEmbeddedLlm()
            .AddBackend<FastBackend>()
            .AddBackend<FastBackend>()
            .AddModel("chat", options => options.Path = ModelPath)
            .AddModel("named", options => (options.Path, options.Backend) = (ModelPath, "cpu"));
        using var host = builder.Build();

        await host.Services.GetRequiredKeyedService<IChatClient>("chat").GetResponseAsync("Hi", Short, Test);
        host.Services.GetRequiredKeyedService<LlmModel>("named");

        var selected = host.Services.GetFakeLogCollector().GetSnapshot().Where(record => record.Id.Id == 2010).Select(record => record.GetStructuredStateValue("Backend"));
        Assert.Equal(["fast", "cpu"], selected);
        Assert.Single(host.Services.GetServices<IBackend>());
    }

    [Fact]
    public async Task AddChatClient_WithMiddleware_Works()
    {
        var builder = App();
        builder.Services.AddEmbeddedLlm().AddModel("chat", options => options.Path = ModelPath);
        builder.Services.AddChatClient(services => services.GetRequiredKeyedService<LlmModel>("chat").AsIChatClient())
            .UseFunctionInvocation()
            .UseOpenTelemetry()
            .UseLogging();
        using var host = builder.Build();

        var client = host.Services.GetRequiredService<IChatClient>();

        Assert.Same(host.Services.GetRequiredService<LlmModel>(), client.GetService<LlmModel>());
        Assert.Equal(3, (await client.GetResponseAsync("Hi", Short, Test)).Usage!.OutputTokenCount);
    }

    private sealed class FastBackend : IBackend
    {
        private readonly CpuBackend _cpu = new();

        public string Name => "fast";

        public BackendOffer Offer(ModelGraph graph) => new(true, 5, "for the test");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => _cpu.Load(graph, options);
    }
}
