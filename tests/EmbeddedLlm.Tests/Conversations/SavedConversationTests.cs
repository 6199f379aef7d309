using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Testing;
using EmbeddedLlm.Tests.Chat;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Testing;
using ScriptedModel = EmbeddedLlm.Tests.Chat.ScriptedModel;

namespace EmbeddedLlm.Tests.Conversations;

/// <summary>Conversations on files: what comes back, what is computed again, and what strangers may put in.</summary>
public sealed class SavedConversationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeLoggerProvider _logs = new();
    private readonly ILoggerFactory _factory;

    public SavedConversationTests() => _factory = LoggerFactory.Create(builder => builder.AddProvider(_logs));

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private string FilePath => _folder.File("a.conversation");

    public void Dispose()
    {
        _factory.Dispose();
        _logs.Dispose();
        _folder.Dispose();
    }

    private LlmModel Load(string? path = null, KvType kvType = KvType.F16, string? backend = null, int? contextLength = null, long? kvBytes = null)
    {
        var options = new LlmOptions { Conversations = new(), KvType = kvType, Threads = 1, Backend = backend, ContextLength = contextLength, KvCacheBytes = kvBytes };
        options.Backends.Add(new ReferenceBackend());
        return LlmModel.Load(path ?? Golden.TinyModel, options, _factory);
    }

    private static Task<ChatResponse> Ask(LlmModel model, string id, string text, int tokens = 20) =>
        model.AsIChatClient().GetResponseAsync([new(ChatRole.User, text)], new() { ConversationId = id, Temperature = 0, MaxOutputTokens = tokens }, Test);

    private bool HasEvent(int id) => _logs.Collector.GetSnapshot().Any(record => record.Id.Id == id);

    // Two turns, the first of them saved behind; what the third turn gives without a file.
    private async Task<(ChatResponse First, ChatResponse Second)> SaveAsync(LlmModel model)
    {
        var id = model.Conversations!.Create([new(ChatRole.System, "You are a whale, and know the sea.")]);
        var first = await Ask(model, id, "What is a whale?");
        await model.Conversations.SaveAsync(id, FilePath, Test);
        return (first, await Ask(model, id, "And a dolphin?"));
    }

    [Theory]
    [InlineData(KvType.F16, null)]
    [InlineData(KvType.F32, null)]
    [InlineData(KvType.Q8_0, null)]
    [InlineData(KvType.F16, "reference")]
    public async Task LoadAsync_InAnotherModelInstance_OnlyNewTokensAreComputedAndTheAnswerIsTheSame(KvType kvType, string? backend)
    {
        ChatResponse first, second;
        using (var model = Load(kvType: kvType, backend: backend))
            (first, second) = await SaveAsync(model);
        using var other = Load(kvType: kvType, backend: backend);

        var id = await other.Conversations!.LoadAsync(FilePath, Test);
        var again = await Ask(other, id, "And a dolphin?");

        Assert.Equal(second.Text, again.Text);
        Assert.Equal(second.Usage!.InputTokenCount, again.Usage!.InputTokenCount);
        Assert.Equal(second.Usage.CachedInputTokenCount, again.Usage.CachedInputTokenCount);
        Assert.InRange(again.Usage.CachedInputTokenCount!.Value, first.Usage!.InputTokenCount!.Value, first.Usage.TotalTokenCount!.Value - 1);
        Assert.Equal(["system", "user", "assistant", "user", "assistant"], other.Conversations.GetMessages(id).Select(message => message.Role.Value));
        Assert.True(HasEvent(2036) && HasEvent(2037) && !HasEvent(2038));
    }

    [Fact]
    public async Task SaveAsync_AConversationThatWasLoaded_IsLoadedAgain()
    {
        ChatResponse second;
        using (var model = Load())
            (_, second) = await SaveAsync(model);
        using (var model = Load())
            await model.Conversations!.SaveAsync(await model.Conversations.LoadAsync(FilePath, Test), FilePath, Test);
        using var other = Load();

        var again = await Ask(other, await other.Conversations!.LoadAsync(FilePath, Test), "And a dolphin?");

        Assert.Equal((second.Text, second.Usage!.CachedInputTokenCount), (again.Text, again.Usage!.CachedInputTokenCount));
    }

    [Theory]
    [InlineData("seed")]
    [InlineData("quantization")]
    [InlineData("kv type")]
    [InlineData("backend")]
    public async Task LoadAsync_WhatAnotherModelComputed_IsLeftOutAndTheMessagesAreAnswered(string other)
    {
        using (var model = Load())
            await SaveAsync(model);
        var path = _folder.File("other.gguf");
        TinyModel.Write(path, other == "quantization" ? GgmlType.Q8_0 : GgmlType.F32, seed: other == "seed" ? 1 : 0);
        using var foreign = Load(path, other == "kv type" ? KvType.F32 : KvType.F16, other == "backend" ? "reference" : null);

        var id = await foreign.Conversations!.LoadAsync(FilePath, Test);
        var answer = await Ask(foreign, id, "And a dolphin?");

        Assert.True(HasEvent(2038));
        Assert.Equal(0, answer.Usage!.CachedInputTokenCount);
        var fresh = await foreign.AsIChatClient().GetResponseAsync(foreign.Conversations.GetMessages(id).SkipLast(1), new() { Temperature = 0, MaxOutputTokens = 20 }, Test);
        Assert.Equal(fresh.Text, answer.Text);
    }

    [Fact]
    public async Task LoadAsync_TwiceAndBesideOthers_GivesEachItsOwnIdAndSharesNoBlocks()
    {
        using (var model = Load())
            await SaveAsync(model);
        using var other = Load();
        var conversations = other.Conversations!;

        var (a, b) = (await conversations.LoadAsync(FilePath, Test), await conversations.LoadAsync(FilePath, Test));

        Assert.NotEqual(a, b);
        var stateless = await other.AsIChatClient().GetResponseAsync([.. conversations.GetMessages(a), new(ChatRole.User, "And a dolphin?")], new() { Temperature = 0, MaxOutputTokens = 20 }, Test);
        Assert.Equal(0, stateless.Usage!.CachedInputTokenCount);            // a file's blocks may not be what they say
        Assert.Equal(stateless.Text, (await Ask(other, a, "And a dolphin?")).Text);
        Assert.True((await Ask(other, b, "Why?")).Usage!.CachedInputTokenCount > 0);
    }

    [Fact]
    public async Task SaveAsync_WhatWasComputedUnderAKey_IsSavedAndGoesOnUnderTheConversationsOwn()
    {
        ChatOptions Keyed(string id) => new ChatOptions { ConversationId = id, Temperature = 0, MaxOutputTokens = 20 }.WithPromptCacheKey("tenant");
        var first = await AskAsync(null);

        Assert.Equal(first, await AskAsync(FilePath));

        async Task<(string Text, long? Cached)> AskAsync(string? file)
        {
            using var model = Load();
            var conversations = model.Conversations!;
            var id = file is null ? conversations.Create() : await conversations.LoadAsync(file, Test);
            if (file is null)
            {
                await model.AsIChatClient().GetResponseAsync("What is a whale?", Keyed(id), Test);
                await conversations.SaveAsync(id, FilePath, Test);
            }

            var answer = await model.AsIChatClient().GetResponseAsync("And a dolphin?", Keyed(id), Test);
            Assert.True(answer.Usage!.CachedInputTokenCount > 0);
            return (answer.Text, answer.Usage.CachedInputTokenCount);
        }
    }

    [Fact]
    public async Task LoadAsync_IntoLittleMemory_TakesWhatFits()
    {
        using (var model = Load())
        {
            var id = model.Conversations!.Create();
            await Ask(model, id, string.Concat(Enumerable.Repeat("The river went down to the sea. ", 12)), tokens: 4);
            await model.Conversations.SaveAsync(id, FilePath, Test);
        }

        var tokensBytes = 2 * 2 * 2 * 16 * sizeof(ushort);                  // layers, keys and values, heads, width
        using var small = Load(kvBytes: 96 * tokensBytes);
        var loaded = await small.Conversations!.LoadAsync(FilePath, Test);

        Assert.Equal(96, small.Stats.KvBlocksCached * 32);
        await Assert.ThrowsAsync<ContextFullException>(() => Ask(small, loaded, "Why?"));
    }

    [Fact]
    public async Task LoadAsync_ForgedBlocks_HarmNobodyElse()
    {
        ChatResponse second;
        using (var model = Load())
            (_, second) = await SaveAsync(model);
        var bytes = await File.ReadAllBytesAsync(FilePath, Test);
        var random = new Random(3);
        using var other = Load();
        for (var i = 0; i < 40; i++)
        {
            // Anywhere in the blocks, also numbers that are not finite.
            var forged = bytes.ToArray();
            for (var change = 0; change < 2000; change++)
                forged[random.Next(forged.Length / 2, forged.Length - 32)] = random.Next(2) == 0 ? (byte)0xFF : (byte)random.Next(256);
            System.Security.Cryptography.SHA256.HashData(forged.AsSpan(0, forged.Length - 32), forged.AsSpan(forged.Length - 32));
            await File.WriteAllBytesAsync(FilePath, forged, Test);
            try
            {
                await Ask(other, await other.Conversations!.LoadAsync(FilePath, Test), "And a dolphin?", tokens: 4);
            }
            catch (LlmException)
            {
                // Damaged, or no token could be sampled.
            }
        }

        await File.WriteAllBytesAsync(FilePath, bytes, Test);
        Assert.Equal(second.Text, (await Ask(other, await other.Conversations!.LoadAsync(FilePath, Test), "And a dolphin?")).Text);
        Assert.Equal(0, other.Stats.KvBlocksUsed);
    }

    [Fact]
    public async Task SaveAsync_ABackendThatGivesNoBlocks_SavesTheMessagesAndSaysSo()
    {
        using var runner = new Engine.ScriptedRunner(vocabulary: 40, kvBlocks: 16, blockTokens: 4) { KvLayout = null };
        await using var engine = new EmbeddedLlm.Engine.InferenceEngine(runner, Engine.EngineTesting.Options, NullLogger.Instance);
        var store = new ConversationStore(new(), engine, new byte[32], _factory.CreateLogger("store"));
        var id = store.Create();
        using (var turn = store.Begin(id, [new(ChatRole.User, "Hi")]))
            turn.Complete(turn.History, "", new(ChatRole.Assistant, "Hello"), [1, 2, 3], key: 0);

        await store.SaveAsync(id, FilePath, Test);

        Assert.Contains("backend", Assert.Single(_logs.Collector.GetSnapshot(), record => record.Id.Id == 2038).Message, StringComparison.Ordinal);
        Assert.Equal(["Hi", "Hello"], store.GetMessages(await store.LoadAsync(FilePath, Test)).Select(message => message.Text));
    }

    [Fact]
    public async Task SaveAsync_ARecurrentModel_SavesTheMessagesAndSaysSo()
    {
        Assert.SkipUnless(Golden.IsPresent, "needs the golden models");
        var path = Golden.Path("models", "granitehybrid", "model.gguf");
        ChatResponse second;
        using (var model = Load(path))
            (_, second) = await SaveAsync(model);
        Assert.True(HasEvent(2038));
        using var other = Load(path);

        var again = await Ask(other, await other.Conversations!.LoadAsync(FilePath, Test), "And a dolphin?");

        Assert.Equal((second.Text, 0), (again.Text, again.Usage!.CachedInputTokenCount));
    }

    [Fact]
    public async Task SaveAsync_BeforeAnyAnswerOrWithoutAFolder_IsTheMessagesOrAnError()
    {
        using var model = Load();
        var conversations = model.Conversations!;
        var id = conversations.Create([new(ChatRole.System, "Be kind.")]);

        await conversations.SaveAsync(id, FilePath, Test);
        Assert.Equal("Be kind.", Assert.Single(conversations.GetMessages(await conversations.LoadAsync(FilePath, Test))).Text);
        Assert.False(HasEvent(2038));

        await Assert.ThrowsAsync<DirectoryNotFoundException>(() => conversations.SaveAsync(id, Path.Combine(_folder.Path, "no", "a"), Test));
        await Assert.ThrowsAsync<FileNotFoundException>(() => conversations.LoadAsync(_folder.File("none"), Test));
        await Assert.ThrowsAsync<ConversationException>(() => conversations.SaveAsync("42", FilePath, Test));
        await Assert.ThrowsAsync<ModelFormatException>(() => conversations.LoadAsync(Golden.TinyModel, Test));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => conversations.SaveAsync(id, FilePath, new(canceled: true)));
        Assert.Equal([FilePath], Directory.GetFiles(_folder.Path));         // no half files
    }

    [Fact]
    public async Task SaveAsync_WhileItAnswers_IsWhatWasBefore()
    {
        using var model = ScriptedModel.Answering(_ => ScriptedModel.Tokens("Hello", " world"), conversations: new());
        var conversations = model.Model.Conversations!;
        var id = conversations.Create();
        await Ask(model.Model, id, "One");
        await foreach (var _ in model.Client.GetStreamingResponseAsync([new(ChatRole.User, "Two")], new() { ConversationId = id }, Test))
        {
            await conversations.SaveAsync(id, FilePath, Test);
            break;
        }

        Assert.Equal(["One", "Hello world"], conversations.GetMessages(await conversations.LoadAsync(FilePath, Test)).Select(message => message.Text));
    }

    [Fact]
    public async Task Conversations_AfterDispose_ThrowObjectDisposed()
    {
        var model = Load();
        var id = model.Conversations!.Create();
        await Ask(model, id, "Hi", tokens: 2);
        model.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => model.Conversations.SaveAsync(id, FilePath, Test));
    }

    [Fact]
    public async Task UseFunctionInvocation_ARestoredConversation_GoesOnWithTheSamePrompt()
    {
        var prompts = new List<string>();
        ScriptedModel Model() => ScriptedModel.Answering(
            prompt =>
            {
                prompts.Add(prompt);
                return ScriptedModel.Tokens(prompt.Contains("sunny in Bern", StringComparison.Ordinal) ? "It is sunny."
                    : "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bern\"}}\n</tool_call>");
            },
            contextLength: 4096, template: ToolTemplates.Hermes, conversations: new());
        ChatOptions Options(string id) => new() { ConversationId = id, Tools = [AIFunctionFactory.Create((string city) => $"sunny in {city}", "weather", "The weather.")] };

        UsageDetails usage;
        using (var model = Model())
        {
            using var client = model.Client.AsBuilder().UseFunctionInvocation().Build();
            var id = model.Model.Conversations!.Create();
            await client.GetResponseAsync("Weather?", Options(id), Test);
            await model.Model.Conversations.SaveAsync(id, FilePath, Test);
            usage = (await client.GetResponseAsync("And?", Options(id), Test)).Usage!;
        }

        var expected = prompts[^1];
        using var other = Model();
        using var restored = other.Client.AsBuilder().UseFunctionInvocation().Build();
        var again = await restored.GetResponseAsync("And?", Options(await other.Model.Conversations!.LoadAsync(FilePath, Test)), Test);

        Assert.Equal(expected, prompts[^1]);
        Assert.Equal(usage.CachedInputTokenCount, again.Usage!.CachedInputTokenCount);
    }
}
