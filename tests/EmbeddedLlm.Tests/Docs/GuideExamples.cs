using EmbeddedLlm.Assembler;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Calibration;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Hosting;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Testing;
using EmbeddedLlm.Tests.HuggingFace;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Tests.Docs;

/// <summary>The C# blocks of docs/guide.md, run as written. <see cref="House.DocsTests"/> holds the page against this file.</summary>
public sealed class GuideExamples : IDisposable
{
    private readonly LlmModel _model = LlmModel.Load(Golden.TinyModel);

    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    private string QuantizedModel()
    {
        var path = _folder.File("q8_0.gguf");
        TinyModel.Write(path, GgmlType.Q8_0);
        return path;
    }

    [Fact]
    public async Task Load()
    {
        var path = Golden.TinyModel;
        using var loggerFactory = LoggerFactory.Create(_ => { });
        var cancellationToken = TestContext.Current.CancellationToken;

        using var model = await LlmModel.LoadAsync(path, new LlmOptions { ContextLength = 1024 }, loggerFactory, cancellationToken: cancellationToken);
        Console.WriteLine($"{model.ModelId}: {model.ContextLength} tokens of context");

        Assert.Equal(1024, model.ContextLength);
    }

    [Fact]
    public async Task Tools()
    {
        var chat = _model.AsIChatClient();

        var weather = AIFunctionFactory.Create((string city) => $"Sunny in {city}.", "weather", "The weather of a city.");
        using var client = chat.AsBuilder().UseFunctionInvocation().Build();
        var answer = await client.GetResponseAsync("How is the weather in Bern?", new ChatOptions { Tools = [weather], MaxOutputTokens = 30 });
        Console.WriteLine(answer.Text);

        Assert.NotEmpty(answer.Messages);
    }

    [Fact]
    public async Task Prefill()
    {
        var chat = _model.AsIChatClient();

        var json = await chat.GetResponseAsync("Describe a whale in JSON.", new ChatOptions { MaxOutputTokens = 30 }.WithAssistantPrefill("{\"name\":"));
        Console.WriteLine("{\"name\":" + json.Text);

        Assert.True(json.Usage!.OutputTokenCount > 0);
    }

    [Fact]
    public async Task Logprobs()
    {
        var chat = _model.AsIChatClient();

        var response = await chat.GetResponseAsync("Is a whale a fish?", new ChatOptions { MaxOutputTokens = 5 }.WithLogprobs(top: 3));
        foreach (var token in response.GetLogprobs())
            Console.WriteLine($"{token.Text} {MathF.Exp(token.Logprob):P1}, or {string.Join(", ", token.Top.Select(other => other.Text))}");

        Assert.Equal(response.Usage!.OutputTokenCount, response.GetLogprobs().Count);
        Assert.All(response.GetLogprobs(), token => Assert.Equal(3, token.Top.Count));
    }

    [Fact]
    public async Task PromptCache()
    {
        var chat = _model.AsIChatClient();

        var alone = new ChatOptions { MaxOutputTokens = 30 }.WithPromptCache(false);
        var ofTenant = new ChatOptions { MaxOutputTokens = 30 }.WithPromptCacheKey("tenant 42");

        foreach (var options in (ChatOptions[])[new ChatOptions { MaxOutputTokens = 1 }, alone, ofTenant])
            Assert.Equal(0, (await chat.GetResponseAsync("A question that is long enough to be kept in the cache", options)).Usage!.CachedInputTokenCount);
    }

    [Fact]
    public async Task Overflow()
    {
        var chat = _model.AsIChatClient();
        List<ChatMessage> history = [.. Enumerable.Range(0, 1001).Select(i => new ChatMessage(i % 2 == 0 ? ChatRole.User : ChatRole.Assistant, $"message {i}, one of very many"))];

        var answer = await chat.GetResponseAsync(history, new ChatOptions { MaxOutputTokens = 30 }.WithContextOverflow(ContextOverflow.KeepSystem));
        Console.WriteLine($"{answer.GetDroppedMessages()} messages were left out");

        Assert.True(answer.GetDroppedMessages() > 0);
    }

    [Fact]
    public async Task Reasoning()
    {
        var chat = _model.AsIChatClient();

        var thoughtful = new ChatOptions { MaxOutputTokens = 30, Reasoning = new() { Effort = ReasoningEffort.Low } };
        await foreach (var update in chat.GetStreamingResponseAsync("Hello", thoughtful))
        {
            foreach (var content in update.Contents)
                Console.Write(content is TextReasoningContent thought ? $"({thought.Text})" : content is TextContent text ? text.Text : "");
        }

        Assert.Equal(ReasoningEffort.Low, thoughtful.Reasoning.Effort); // options are only read
    }

    [Fact]
    public async Task Chat_WithHistory()
    {
        var chat = _model.AsIChatClient();

        List<ChatMessage> history = [new(ChatRole.System, "Answer briefly.")];
        foreach (var question in (string[])["What is a whale?", "And a dolphin?"])
        {
            history.Add(new(ChatRole.User, question));
            List<ChatResponseUpdate> updates = [];
            await foreach (var update in chat.GetStreamingResponseAsync(history, new ChatOptions { MaxOutputTokens = 30 }))
            {
                Console.Write(update.Text);
                updates.Add(update);
            }

            history.AddMessages(updates);
        }

        Assert.Equal(["system", "user", "assistant", "user", "assistant"], history.Select(message => message.Role.Value));
    }

    [Fact]
    public void Assembler_InServices()
    {
        var path = QuantizedModel();
        var services = new ServiceCollection();
        services.AddEmbeddedLlm()
            .UseAssembler()
            .AddModel("chat", options => options.Path = path);

        using var provider = services.BuildServiceProvider();
        Assert.NotNull(provider.GetRequiredKeyedService<LlmModel>("chat"));
        Assert.IsType<AssemblerBackend>(Assert.Single(provider.GetServices<IBackend>()));
    }

    [Fact]
    public async Task Assembler_InOptions()
    {
        var path = QuantizedModel();

        using var model = LlmModel.Load(path, new LlmOptions { Backends = { new AssemblerBackend() } });

        var answer = await model.AsIChatClient().GetResponseAsync("Hello", new ChatOptions { MaxOutputTokens = 5, Seed = 1 }, TestContext.Current.CancellationToken);
        Assert.InRange(answer.Usage!.OutputTokenCount!.Value, 1, 5);
    }

    [Fact]
    public async Task Limits()
    {
        var chat = _model.AsIChatClient();

        var options = new ChatOptions
        {
            MaxOutputTokens = 30,
            StopSequences = ["\n", "END"],
            Temperature = 0.7f,
            Seed = 42,
        };
        var first = await chat.GetResponseAsync("Hello", options);
        var second = await chat.GetResponseAsync("Hello", options);
        Console.WriteLine(first.Text == second.Text); // True: the same seed and request

        Assert.Equal(first.Text, second.Text);
        Assert.DoesNotContain("\n", first.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sampling()
    {
        var chat = _model.AsIChatClient();

        var options = new ChatOptions { MaxOutputTokens = 30 }
            .WithMinP(0.1f)
            .WithRepetitionPenalty(1.1f, window: 128)
            .WithDry(0.8f);
        await chat.GetResponseAsync("Hello", options);

        var byKey = new ChatOptions { MaxOutputTokens = 30, AdditionalProperties = new() { ["min_p"] = 0.1, ["dry_base"] = 1.5 } };
        await chat.GetResponseAsync("Hello", byKey);

        var everything = new ChatOptions
        {
            RawRepresentationFactory = _ => new GenerationOptions { Sampling = SamplingOptions.Greedy, MaxOutputTokens = 30 },
        };
        await chat.GetResponseAsync("Hello", everything);

        Assert.Equal(0.1f, options.AdditionalProperties![ChatOptionsExtensions.MinPKey]);
    }

    [Fact]
    public async Task Usage()
    {
        var chat = _model.AsIChatClient();
        List<ChatMessage> history = [new(ChatRole.User, string.Join(' ', Enumerable.Repeat("Tell me more.", 20)))];
        await chat.GetResponseAsync(history, new ChatOptions { MaxOutputTokens = 5 });

        var response = await chat.GetResponseAsync(history, new ChatOptions { MaxOutputTokens = 30 });
        var usage = response.Usage!;
        Console.WriteLine($"{usage.InputTokenCount} tokens read, {usage.CachedInputTokenCount} of them cached, {usage.OutputTokenCount} written");
        if (response.FinishReason == ChatFinishReason.Length)
            Console.WriteLine("The answer was cut at a limit.");

        Assert.InRange(usage.CachedInputTokenCount!.Value, 1, usage.InputTokenCount!.Value);
    }

    [Fact]
    public async Task Cancellation()
    {
        var chat = _model.AsIChatClient();

        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await foreach (var update in chat.GetStreamingResponseAsync("Tell me a story.", cancellationToken: cancel.Token))
            {
                Console.Write(update.Text);
                await cancel.CancelAsync(); // heard enough
            }
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine(" (stopped)");
        }

        Assert.True(cancel.IsCancellationRequested);
    }

    [Fact]
    public async Task Completion()
    {
        var model = _model;

        var sampling = model.DefaultSampling with { Temperature = 0.5f };
        var options = new GenerationOptions { MaxOutputTokens = 30, Seed = 7, Sampling = sampling };
        await foreach (var update in model.CompleteStreamingAsync("Once upon a time", options))
            Console.Write(update.Text);

        Assert.NotEmpty((await model.CompleteAsync("Once upon a time", options)).Text);
    }

    [Fact]
    public async Task SeveralModels()
    {
        string small = Golden.TinyModel, large = Golden.TinyModel;
        var services = new ServiceCollection();

        services.AddEmbeddedLlm()
            .AddModel("small", options => options.Path = small)
            .AddModel("large", options => options.Path = large);
        services.AddSingleton<Writer>();

        await using var provider = services.BuildServiceProvider();
        Assert.NotEmpty(await provider.GetRequiredService<Writer>().TitleAsync("whales"));
        Assert.Same(provider.GetRequiredKeyedService<IChatClient>("small"), provider.GetRequiredService<IChatClient>());
    }

    public sealed class Writer([FromKeyedServices("small")] IChatClient chat)
    {
        public async Task<string> TitleAsync(string topic) =>
            (await chat.GetResponseAsync($"A title for a text about {topic}:", new() { MaxOutputTokens = 20, Seed = 1 })).Text;
    }

    /// <summary>The JSON of the page, bound: a key that is no option would throw.</summary>
    [Fact]
    public void Configuration()
    {
        var page = File.ReadAllText(Path.Combine(Golden.Root, "docs", "guide.md"));
        var json = page.ReplaceLineEndings("\n").Split("```text\n").Single(block => block.StartsWith('{')).Split("```")[0];
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(json));
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddJsonStream(stream);
        builder.Configuration["EmbeddedLlm:Models:chat:Path"] = Golden.TinyModel;

        builder.Services.AddEmbeddedLlm().AddModel("chat");

        using var host = builder.Build();
        var model = host.Services.GetRequiredService<LlmModel>();
        Assert.Equal((2048, 0.6f, 0.05f), (model.ContextLength, model.DefaultSampling.Temperature, model.DefaultSampling.MinP));
    }

    [Fact]
    public void Memory()
    {
        var path = Golden.TinyModel;

        var options = new LlmOptions
        {
            ContextLength = 1024, // one request, prompt and answer together
            KvCacheBytes = 64 << 20, // all requests together
            KvType = KvType.F16,
            MaxConcurrentSequences = 8,
            MaxQueuedRequests = 100,
        };
        using var model = LlmModel.Load(path, options);

        Assert.Equal(1024, model.ContextLength);
    }

    [Fact]
    public async Task Exceptions()
    {
        using var model = LlmModel.Load(Golden.TinyModel, new LlmOptions { ContextLength = 16 });
        var chat = model.AsIChatClient();
        List<ChatMessage> history = [new(ChatRole.User, string.Join(' ', Enumerable.Repeat("Hello, world!", 50))), new(ChatRole.User, "Hi")];

        try
        {
            await chat.GetResponseAsync(history, new ChatOptions { MaxOutputTokens = 30 });
        }
        catch (ContextFullException full)
        {
            Console.WriteLine($"{full.PromptTokens} tokens do not fit into {full.ContextTokens}.");
            history.RemoveAt(0); // the oldest message
        }
        catch (QueueFullException)
        {
            Console.WriteLine("Busy, try again later.");
        }

        Assert.Single(history);
    }

    [Fact]
    public async Task Speculating()
    {
        var chat = _model.AsIChatClient();
        var list = string.Join('\n', Enumerable.Repeat("milk", 20));

        var response = await chat.GetResponseAsync($"Repeat this list:\n{list}", new ChatOptions { MaxOutputTokens = 60 });
        var counts = response.Usage!.AdditionalCounts; // null if nothing was guessed
        Console.WriteLine($"{counts?["accepted_tokens"] ?? 0} of {counts?["drafted_tokens"] ?? 0} guessed tokens were right");

        Assert.True(counts is null || counts["accepted_tokens"] <= counts["drafted_tokens"]);
    }

    [Fact]
    public async Task DraftModel()
    {
        var small = Golden.TinyModel;

        var options = new LlmOptions { DraftModelPath = small };

        using var model = LlmModel.Load(Golden.TinyModel, options);
        Assert.NotEmpty((await model.CompleteAsync("Hello", new() { MaxOutputTokens = 20, Seed = 1 })).Text);
    }

    [Fact]
    public void LoadingAFolder()
    {
        var (folder, _) = FolderModel.Write("llama", _folder.Path);

        using var model = LlmModel.Load(folder, new LlmOptions { ContextLength = 1024 });
        Assert.Equal(1024, model.ContextLength);
    }

    [Fact]
    public void ConvertingAFolder()
    {
        var (folder, path) = FolderModel.Write("llama", _folder.Path);
        var target = _folder.File("model-q8_0.gguf");

        using (var source = ModelFile.Open(folder))
            GgufQuantizer.Quantize(source, "Q8_0", target); // GgufWriter.From(source).Save(target) keeps the numbers as they are

        Assert.True(new FileInfo(target).Length < new FileInfo(path).Length);
    }

    [Fact]
    public void Quantizing()
    {
        using var folder = new TemporaryFolder();
        string source = folder.File("model-f16.gguf"), target = folder.File("model-q8_0.gguf");
        TinyModel.Write(source, GgmlType.F16);

        using (var file = GgufFile.Open(source))
            GgufQuantizer.Quantize(file, "Q8_0", target);

        Assert.True(new FileInfo(target).Length < new FileInfo(source).Length);
    }

    [Fact]
    public void QuantizingWithImportance()
    {
        using var folder = new TemporaryFolder();
        string source = folder.File("model-f16.gguf"), target = folder.File("model-q4_k_m.gguf");
        var text = string.Concat(Enumerable.Repeat("The old man went to the sea. ", 40));
        TinyModel.Write(source, GgmlType.F16);

        using (var file = GgufFile.Open(source))
        {
            var importance = ImportanceCollector.Collect(file, text, new ImportanceOptions { ChunkLength = 64 });
            GgufQuantizer.Quantize(file, "Q4_K_M", target, importance: importance);
        }

        Assert.True(new FileInfo(target).Length < new FileInfo(source).Length);
    }

    [Fact]
    public async Task Testing()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("tiny.gguf");

        TinyModel.Write(path);
        using var model = LlmModel.Load(path);
        var answer = await model.AsIChatClient().GetResponseAsync("Hello", new ChatOptions { MaxOutputTokens = 10, Seed = 1 });
        Assert.InRange(answer.Usage!.OutputTokenCount!.Value, 1, 10);
    }
}
