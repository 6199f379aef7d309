using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.Configuration;

namespace EmbeddedLlm.Tests;

public sealed class LlmOptionsTests
{
    private static LlmOptions Bind(params (string Key, string? Value)[] values)
    {
        var options = new LlmOptions();
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values.ToDictionary(value => "m:" + value.Key, value => value.Value)).Build();
        LlmOptionsBinder.Bind(configuration.GetSection("m"), options);
        return options;
    }

    [Fact]
    public void Bind_EveryOption_IsSet()
    {
        var options = Bind(
            ("Path", "a.gguf"), ("ModelId", "a"), ("contextlength", "100"), ("KvType", "f32"), ("KvCacheBytes", "5000000000"),
            ("MaxConcurrentSequences", "3"), ("MaxQueuedRequests", "4"), ("BatchTokens", "5"), ("Threads", "6"), ("Backend", "cpu"),
            ("ChatTemplate", "{{ 1 }}"), ("Seed", "7"), ("LoadAtStart", "True"), ("KeepWeightsInFile", "true"), ("Sampling:Temperature", "0.5"), ("Sampling:min_p", "0.25"), ("Sampling:LogitBias:12", "-1.5"), ("Sampling:DryBreakers:0", "5"), ("Sampling:DryBreakers:1", "9"),
            ("Speculation", "off"), ("UnsupportedOptionPolicy", "log"), ("DraftModelPath", "b.gguf"), ("Embedding:Pooling", "last"), ("Embedding:QueryPrefix", "query: "), ("Embedding:DocumentPrefix", "passage: "), ("Embedding:TruncatesLongTexts", "true"), ("Conversations:MaxCount", "8"), ("Conversations:MaxMessages", "9"));

        Assert.Equal(("a.gguf", "a", 100, KvType.F32, 5000000000L), (options.Path, options.ModelId, options.ContextLength, options.KvType, options.KvCacheBytes));
        Assert.Equal(("{{ 1 }}", Speculation.Off, "b.gguf"), (options.ChatTemplate, options.Speculation, options.DraftModelPath));
        Assert.Equal(UnsupportedOptionPolicy.Log, options.UnsupportedOptionPolicy);
        Assert.Equal((3, 4, 5, 6, "cpu", 7, true, true), (options.MaxConcurrentSequences, options.MaxQueuedRequests, options.BatchTokens, options.Threads, options.Backend, options.Seed, options.LoadAtStart, options.KeepWeightsInFile));

        Assert.Equal(new() { Pooling = Pooling.Last, QueryPrefix = "query: ", DocumentPrefix = "passage: ", TruncatesLongTexts = true }, options.Embedding);

        Assert.Equal(new() { MaxCount = 8, MaxMessages = 9 }, options.Conversations);

        // Configuration changes what the file recommends, and no more than it names.
        Assert.Null(options.Sampling);
        var sampling = options.ConfiguredSampling!(new() { TopK = 7, Temperature = 0.1f });
        Assert.Equal(new() { [12] = -1.5f }, sampling.LogitBias!.ToDictionary());
        Assert.Equal(new SamplingOptions { TopK = 7, Temperature = 0.5f, MinP = 0.25f }, sampling with { LogitBias = null, DryBreakers = null });
        Assert.Equal([5, 9], sampling.DryBreakers!.Order());

        options.Sampling = SamplingOptions.Greedy;
        Assert.Null(options.ConfiguredSampling);
    }

    [Fact]
    public void Bind_EveryProperty_HasAKey()
    {
        var keys = typeof(LlmOptions).GetProperties().Select(property => property.Name).Where(name => name is not (nameof(LlmOptions.Backends) or nameof(LlmOptions.Sampling)));
        Assert.All(keys, key => Assert.Contains(key, Assert.Throws<InvalidOperationException>(() => Bind(("Nonsense", "1"))).Message, StringComparison.Ordinal));

        var conversations = typeof(ConversationOptions).GetProperties().Select(property => property.Name);
        Assert.All(conversations, key => Assert.Contains(key, Assert.Throws<InvalidOperationException>(() => Bind(("Conversations:Nonsense", "1"))).Message, StringComparison.Ordinal));

        var embedding = typeof(EmbeddingOptions).GetProperties().Select(property => property.Name);
        Assert.All(embedding, key => Assert.Contains(key, Assert.Throws<InvalidOperationException>(() => Bind(("Embedding:Nonsense", "1"))).Message, StringComparison.Ordinal));

        var settings = typeof(SamplingOptions).GetProperties().Where(property => property.GetMethod!.IsStatic is false);
        Assert.All(settings, setting => Assert.Contains(setting.Name, Assert.Throws<InvalidOperationException>(() => Bind(("Sampling:Nonsense", "1"))).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Bind_NothingThere_LeavesTheDefaults()
    {
        var options = Bind(("ContextLength", ""), ("ModelId", null));

        Assert.Null(options.ContextLength);
        Assert.Null(options.ModelId);
        Assert.Null(options.Sampling);
        Assert.Equal(32, options.MaxConcurrentSequences);
    }

    [Theory]
    [InlineData("ContextLenght", "4096")]
    [InlineData("ContextLength", "many")]
    [InlineData("KvType", "F8")]
    [InlineData("KvType", "7")]
    [InlineData("Speculation", "sometimes")]
    [InlineData("UnsupportedOptionPolicy", "pray")]
    [InlineData("LoadAtStart", "maybe")]
    [InlineData("KeepWeightsInFile", "1")]
    [InlineData("Sampling:Temperature", "hot")]
    [InlineData("Sampling:Temperature", "-1")]
    [InlineData("Sampling:Heat", "1")]
    [InlineData("Sampling:LogitBias:x", "1")]
    public void Bind_WhatCannotBe_IsAnErrorWithThePath(string key, string value) =>
        Assert.Contains($"m:{string.Join(':', key.Split(':')[..Math.Min(2, key.Split(':').Length)])}", Assert.Throws<InvalidOperationException>(() => Bind((key, value))).Message, StringComparison.Ordinal);

    [Fact]
    public void Validate_AllFailures_AreTold()
    {
        var options = new LlmOptions { Path = "nowhere.gguf", ContextLength = 1, KvCacheBytes = 0, KvType = (KvType)9, MaxConcurrentSequences = 0, MaxQueuedRequests = -1, BatchTokens = 0, Threads = -1, Speculation = (Speculation)9, UnsupportedOptionPolicy = (UnsupportedOptionPolicy)9, DraftModelPath = "nobody.gguf", Conversations = new() { MaxCount = 0, MaxMessages = 1 } };

        var result = new LlmOptionsValidator().Validate("chat", options);

        string[] names = ["nowhere.gguf", "ContextLength", "KvCacheBytes", "KvType", "MaxConcurrentSequences", "MaxQueuedRequests", "BatchTokens", "Threads", "Speculation", "UnsupportedOptionPolicy", "nobody.gguf", "Conversations.MaxCount", "Conversations.MaxMessages"];
        Assert.All(names, name => Assert.Contains(result.Failures!, failure => failure.Contains(name, StringComparison.Ordinal)));
        Assert.All(result.Failures!, failure => Assert.StartsWith("Model 'chat': ", failure, StringComparison.Ordinal));
    }

    [Fact]
    public void Validate_EmptyDraftModelPath_IsToldLikeTheOthers()
    {
        var result = new LlmOptionsValidator().Validate("chat", new LlmOptions { Path = Golden.TinyModel, DraftModelPath = "" });

        Assert.Equal("Model 'chat': DraftModelPath is empty; it must be a GGUF file or a folder, or null.", Assert.Single(result.Failures!));
    }

    [Fact]
    public void Load_OptionsOutOfRange_AreRefusedBeforeTheFileIsRead() =>
        Assert.Throws<ArgumentException>("options", () => LlmModel.Load("nowhere.gguf", new() { Threads = -1 }));

    [Fact]
    public void Load_DraftModelWithSpeculationOff_IsRefused() =>
        Assert.Contains("nobody.gguf", Assert.Throws<ArgumentException>("options", () => LlmModel.Load("nowhere.gguf", new() { Speculation = Speculation.Off, DraftModelPath = "nobody.gguf" })).Message, StringComparison.Ordinal);

    [Fact]
    public void Load_EmbeddingIsNull_IsRefused() =>
        Assert.Contains("Embedding is null", Assert.Throws<ArgumentException>("options", () => LlmModel.Load("nowhere.gguf", new() { Embedding = null! })).Message, StringComparison.Ordinal);

    [Fact]
    public void Load_NoFile_Throws() => Assert.Throws<FileNotFoundException>(() => LlmModel.Load("nowhere.gguf"));
}
