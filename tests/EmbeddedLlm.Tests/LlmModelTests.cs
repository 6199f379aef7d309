using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests;

/// <summary>The whole way with a real, tiny model on the CPU.</summary>
public sealed class LlmModelTests
{
    private static readonly string Path = Golden.Repo("models", "llama", "model.gguf");
    private static readonly GenerationOptions Greedy = new() { Sampling = SamplingOptions.Greedy, MaxOutputTokens = 24 };

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static LlmModel Load(Action<LlmOptions>? configure = null, ILoggerFactory? logs = null)
    {
        var options = new LlmOptions { Threads = 1 };
        configure?.Invoke(options);
        return LlmModel.Load(Path, options, logs);
    }

    [Fact]
    public void Load_Defaults_AreThoseOfTheFile()
    {
        using var logs = new FakeLoggerProvider();
        using var model = Load(logs: LoggerFactory.Create(logging => logging.AddProvider(logs)));

        Assert.Equal(("model", 256, 512), (model.ModelId, model.ContextLength, model.Tokenizer.VocabularySize));
        Assert.Equal(ChatTemplateKind.Plain, model.Template.Kind);
        Assert.Equal([2010, 2000], logs.Collector.GetSnapshot().Select(record => record.Id.Id).Where(id => id is >= 2000 and < 3000));
    }

    [Fact]
    public void Load_FileWithoutPreTokenizer_LogsWhichIsUsed()
    {
        using var folder = new TemporaryFolder();
        using (var tiny = GgufFile.Open(Golden.TinyModel))
        {
            var writer = new GgufWriter();
            foreach (var key in tiny.Metadata.Keys.Where(key => key != "tokenizer.ggml.pre"))
                writer.Set(key, tiny.Metadata[key]);
            foreach (var tensor in tiny.Tensors)
                writer.Add(tensor);
            writer.Save(folder.File("m.gguf"));
        }

        using var logs = new FakeLoggerProvider();
        using (var factory = LoggerFactory.Create(logging => logging.AddProvider(logs)))
        {
            LlmModel.Load(Golden.TinyModel, new() { Threads = 1 }, factory).Dispose();
            Assert.DoesNotContain(logs.Collector.GetSnapshot(), record => record.Id.Id == 2006);
            LlmModel.Load(folder.File("m.gguf"), new() { Threads = 1 }, factory).Dispose();
        }

        var record = Assert.Single(logs.Collector.GetSnapshot(), record => record.Id.Id == 2006);
        Assert.Equal(LogLevel.Warning, record.Level);
        Assert.StartsWith(folder.File("m.gguf"), record.Message);
        Assert.Contains("'default'", record.Message);
    }

    [Fact]
    public async Task CompleteAsync_AndStreaming_GiveTheSame()
    {
        using var model = Load();

        var whole = await model.CompleteAsync("Once upon", Greedy, Test);
        var updates = new List<CompletionUpdate>();
        await foreach (var update in model.CompleteStreamingAsync("Once upon", Greedy, Test))
            updates.Add(update);

        Assert.Equal(whole.Text, string.Concat(updates.Select(update => update.Text)));
        Assert.Equal(whole.FinishReason, updates[^1].FinishReason);
        Assert.All(updates[..^1], update => Assert.Null(update.FinishReason));
        Assert.Equal(model.Tokenizer.Encode("Once upon").Length, whole.Usage.InputTokenCount);
        Assert.Equal(whole.Usage.OutputTokenCount, updates[^1].Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task CompleteAsync_NoTokens_IsRefused()
    {
        using var model = Load();

        await Assert.ThrowsAsync<ArgumentNullException>(() => model.CompleteAsync(null!, cancellationToken: Test));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>("MaxOutputTokens", async () => await model.CompleteAsync("a", new() { MaxOutputTokens = 0 }, Test));
    }

    [Fact]
    public async Task CompleteAsync_SameSeed_SameText_AnotherSeed_AnotherText()
    {
        using var model = Load();
        GenerationOptions Seeded(long seed) => new() { Seed = seed, MaxOutputTokens = 40, Sampling = new() { Temperature = 1.5f, TopK = 0, TopP = 1, MinP = 0 } };

        var first = await model.CompleteAsync("a", Seeded(1), Test);

        Assert.Equal(first.Text, (await model.CompleteAsync("a", Seeded(1), Test)).Text);
        Assert.NotEqual(first.Text, (await model.CompleteAsync("a", Seeded(2), Test)).Text);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task GetResponseAsync_ThirtyTwoAtOnce_EachIsWhatItIsAlone(bool greedy)
    {
        using var model = Load(options => options.BatchTokens = 48);
        var client = model.AsIChatClient();
        ChatOptions Options(int i) => new() { Seed = i, Temperature = greedy ? 0 : 1.2f, MaxOutputTokens = 8 + (i % 17) };
        ChatMessage[] Messages(int i) => [new(ChatRole.User, $"Number {i % 5} and {new string((char)('a' + (i % 26)), i)}")];

        var alone = new List<string>();
        using (var other = Load())
        {
            for (var i = 0; i < 32; i++)
                alone.Add((await other.AsIChatClient().GetResponseAsync(Messages(i), Options(i), Test)).Text);
        }

        var together = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => client.GetResponseAsync(Messages(i), Options(i), Test)));

        Assert.Equal(alone, together.Select(response => response.Text));
    }

    [Fact]
    public async Task GetStreamingResponseAsync_HalfCancelled_TheOthersAreUntouched()
    {
        using var model = Load();
        var client = model.AsIChatClient();
        var random = new Random(1);
        var cancelAt = Enumerable.Range(0, 32).Select(i => i % 2 == 0 ? int.MaxValue : random.Next(1, 12)).ToArray();

        async Task<string> Ask(IChatClient client, int i, bool mayCancel)
        {
            using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Test);
            var (text, updates) = ("", 0);
            try
            {
                await foreach (var update in client.GetStreamingResponseAsync(new string((char)('a' + (i % 26)), 20 + i), new() { Temperature = 0, MaxOutputTokens = 24 }, cancel.Token))
                {
                    text += update.Text;
                    if (mayCancel && ++updates == cancelAt[i])
                        await cancel.CancelAsync();
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return "cancelled";
            }

            return text;
        }

        var together = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Ask(client, i, true)));

        for (var i = 0; i < 32; i++)
        {
            if (i % 2 == 0 || together[i] != "cancelled")
                Assert.Equal(await Ask(client, i, false), together[i]);
        }

        Assert.True(together.Count(answer => answer == "cancelled") > 8);
        Assert.True(SpinWait.SpinUntil(() => model.Stats.KvBlocksUsed == 0, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task Dispose_WhileBusy_EndsEveryRequest()
    {
        var model = Load(options => options.ContextLength = 10_000);
        var client = model.AsIChatClient();
        var running = Enumerable.Range(0, 8).Select(i => client.GetResponseAsync($"Number {i}", new() { Temperature = 0 }, Test)).ToArray();
        Assert.True(SpinWait.SpinUntil(() => model.Stats.Running > 0, TimeSpan.FromSeconds(10)));

        await model.DisposeAsync();

        var errors = await Task.WhenAll(running.Select(async request => await Record.ExceptionAsync(() => request)));
        Assert.All(errors, error => Assert.True(error is null or ObjectDisposedException, error?.ToString()));
        Assert.Contains(errors, error => error is ObjectDisposedException);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => model.CompleteAsync("a", cancellationToken: Test));
    }

    [Fact]
    public async Task LoadAsync_Cancelled_LoadsNothing()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LlmModel.LoadAsync(Path, cancellationToken: new(canceled: true)));

        await using var model = await LlmModel.LoadAsync(Path, cancellationToken: Test);
        Assert.Equal(256, model.ContextLength);
    }

    [Fact]
    public async Task Load_OwnTemplate_ReplacesTheFiles()
    {
        using var model = Load(options => options.ChatTemplate = "{% if messages[0].content == '' %}{{ raise_exception('say something') }}{% endif %}{{ messages[0].content }}");

        Assert.Equal(ChatTemplateKind.Model, model.Template.Kind);
        Assert.Equal("Hi", model.Template.Render([new JsonObject { ["role"] = "user", ["content"] = "Hi" }]));
        Assert.Contains("say something", (await Assert.ThrowsAnyAsync<LlmException>(() => model.AsIChatClient().GetResponseAsync("", cancellationToken: Test))).Message, StringComparison.Ordinal);
        Assert.ThrowsAny<LlmException>(() => Load(options => options.ChatTemplate = "{% if %}"));
    }

    [Fact]
    public void Load_Sampling_WinsOverTheUsual()
    {
        using var model = Load(options => options.Sampling = SamplingOptions.Greedy);
        using var usual = Load();

        Assert.Equal((SamplingOptions.Greedy, SamplingOptions.Default), (model.DefaultSampling, usual.DefaultSampling));
    }

    [Fact]
    public void Recommended_WhatCannotBe_IsLeftOutWithAWarning()
    {
        using var logs = new FakeLoggerProvider();
        var file = new RecommendedSampling { Temperature = -1, TopK = -1, TopP = 1.5f, MinP = float.NaN, RepetitionPenalty = 0, PenaltyWindow = -1, Mirostat = 1, MirostatEta = 2, XtcProbability = 0.5f };

        var sampling = ModelOpener.Recommended(file, "a.gguf", logs.CreateLogger("test"));

        Assert.Equal(SamplingOptions.Default with { Temperature = 0, TopK = 0, PenaltyWindow = int.MaxValue, XtcProbability = 0.5f }, sampling);
        Assert.Equal(["top_p", "min_p", "penalty_repeat", "mirostat_eta", "mirostat"], logs.Collector.GetSnapshot().Select(record => record.GetStructuredStateValue("Key")));
    }

    [Fact]
    public async Task Load_LongContextAndNoTemplate_AreWarnedOf()
    {
        using var logs = new FakeLoggerProvider();
        using var model = Load(options => options.ContextLength = 1000, LoggerFactory.Create(logging => logging.AddProvider(logs)));
        await model.CompleteAsync("a", new() { MaxOutputTokens = 1 }, Test);
        Assert.Equal([2005], Warnings());

        for (var i = 0; i < 2; i++)
            await model.AsIChatClient().GetResponseAsync("a", new() { MaxOutputTokens = 1 }, Test);
        Assert.Equal([2005, 2021], Warnings());

        IEnumerable<int> Warnings() => logs.Collector.GetSnapshot().Where(record => record.Level == LogLevel.Warning).Select(record => record.Id.Id);
    }

    [Fact]
    public void Load_UnknownBackend_NamesTheKnown() =>
        Assert.Contains("cpu", Assert.Throws<ArgumentException>(() => Load(options => options.Backend = "abacus")).Message, StringComparison.Ordinal);

    [Fact]
    public void Load_MemoryIsShort_SaysWhatDidNotFit()
    {
        var exception = Assert.Throws<LlmException>(() => Load(options => options.Backends.Add(new ShortOfMemory())));

        Assert.Contains(Path, exception.Message, StringComparison.Ordinal);
        Assert.IsAssignableFrom<OutOfMemoryException>(exception.InnerException);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CompleteAsync_FileWasCutShort_FailsAndNamesIt(bool keepWeightsInFile)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets nobody cut a mapped file.");
        using var folder = new TemporaryFolder();
        var file = folder.File("m.gguf");
        File.Copy(Path, file);
        using var model = LlmModel.Load(file, new() { Threads = 1, KeepWeightsInFile = keepWeightsInFile });
        await model.CompleteAsync("a", Greedy, Test);

        using (var cut = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            cut.SetLength(100);
        var exception = await Assert.ThrowsAsync<LlmException>(() => model.CompleteAsync("b", Greedy, Test));

        Assert.IsType<ModelFormatException>(exception.InnerException);
        Assert.Contains($"{file}: another program cut the file short", exception.Message, StringComparison.Ordinal);
        Assert.Contains("found 100", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_LoggerThrows_NothingFailsThatWouldNotAnyway()
    {
        using var logs = new ThrowingLogs();
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("m.gguf"), "This is no model.", Test);

        Assert.Throws<ModelFormatException>(() => LlmModel.Load(folder.File("m.gguf"), loggerFactory: logs));
        var model = Load(logs: logs);
        var response = await model.AsIChatClient().GetResponseAsync("a", new() { MaxOutputTokens = 3, AdditionalProperties = new() { ["unknown"] = 1 } }, Test);
        model.Dispose();

        Assert.Equal(3, response.Usage!.OutputTokenCount);
        Assert.True(logs.Thrown > 3);
    }

    [Fact]
    public void Load_LoggerCannotBeMade_LeavesNoEngine()
    {
        using var listener = new MeterListener { InstrumentPublished = (instrument, self) => { if (instrument.Name == "embedded_llm.requests.running") self.EnableMeasurementEvents(instrument); } };
        var engines = new List<object?>();
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) => engines.Add(tags.ToArray().Single(tag => tag.Key == "model").Value));
        listener.Start();

        using (var logs = new ThrowingLogs { Refused = "Chat" })
            Assert.Throws<FormatException>(() => Load(options => options.ModelId = "without chat logs", logs));

        using var other = Load(options => options.ModelId = "with engine");
        listener.RecordObservableInstruments();
        Assert.Contains("with engine", engines);
        Assert.DoesNotContain("without chat logs", engines);
    }

    [Fact]
    public async Task CompleteAsync_StoriesModel_TellsThePublishedStory()
    {
        using var model = LlmModel.Load(Golden.Path("trained", "stories260K", "stories260K-f32.gguf"), new() { KvType = KvType.F32 });

        var story = await model.CompleteAsync("", new() { Sampling = SamplingOptions.Greedy, MaxOutputTokens = 60 }, Test);

        Assert.StartsWith("Once upon a time, there was a little girl named Lily.", story.Text.TrimStart(), StringComparison.Ordinal);
    }

    private sealed class ShortOfMemory : IBackend
    {
        public string Name => "short";

        public BackendOffer Offer(ModelGraph graph) => new(true, 5, "for the test");

        public IModelRunner Load(ModelGraph graph, RunnerOptions options) => throw new InsufficientMemoryException();
    }

    private sealed class ThrowingLogs : ILoggerFactory, ILogger
    {
        private int _thrown;

        public int Thrown => _thrown;

        // Categories with this in their name get no logger, and others one that works.
        public string? Refused { get; init; }

        public ILogger CreateLogger(string categoryName) =>
            Refused is not null && categoryName.Contains(Refused, StringComparison.Ordinal) ? throw new FormatException("The log is full.") : this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (Refused is not null)
                return;
            Interlocked.Increment(ref _thrown);
            throw new FormatException("The log is full.");
        }

        public void Dispose()
        {
        }
    }
}
