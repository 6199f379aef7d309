using System.Globalization;
using EmbeddedLlm.Backends;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Embeddings;
using EmbeddedLlm.Graph;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.Configuration;

namespace EmbeddedLlm;

/// <summary>Sets <see cref="LlmOptions"/> from a configuration section, without reflection. A key that is no option is an error, not silence.</summary>
internal static class LlmOptionsBinder
{
    private static readonly Dictionary<string, Action<LlmOptions, IConfigurationSection>> Table = new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(LlmOptions.Path)] = (options, section) => options.Path = section.Value,
        [nameof(LlmOptions.ModelId)] = (options, section) => options.ModelId = section.Value,
        [nameof(LlmOptions.ContextLength)] = (options, section) => options.ContextLength = Parse<int>(section),
        [nameof(LlmOptions.KvType)] = (options, section) => options.KvType = EnumOf<KvType>(section),
        [nameof(LlmOptions.KvCacheBytes)] = (options, section) => options.KvCacheBytes = Parse<long>(section),
        [nameof(LlmOptions.MaxConcurrentSequences)] = (options, section) => options.MaxConcurrentSequences = Parse<int>(section),
        [nameof(LlmOptions.MaxQueuedRequests)] = (options, section) => options.MaxQueuedRequests = Parse<int>(section),
        [nameof(LlmOptions.BatchTokens)] = (options, section) => options.BatchTokens = Parse<int>(section),
        [nameof(LlmOptions.Threads)] = (options, section) => options.Threads = Parse<int>(section),
        [nameof(LlmOptions.KeepWeightsInFile)] = (options, section) => options.KeepWeightsInFile = ParseBool(section),
        [nameof(LlmOptions.Speculation)] = (options, section) => options.Speculation = EnumOf<Speculation>(section),
        [nameof(LlmOptions.DraftModelPath)] = (options, section) => options.DraftModelPath = section.Value,
        [nameof(LlmOptions.Backend)] = (options, section) => options.Backend = section.Value,
        [nameof(LlmOptions.Embedding)] = (options, section) => options.Embedding = Bind(EmbeddingTable!, section, options.Embedding)!,
        [nameof(LlmOptions.Conversations)] = (options, section) => options.Conversations = Bind(ConversationTable!, section, options.Conversations),
        [nameof(LlmOptions.ChatTemplate)] = (options, section) => options.ChatTemplate = section.Value,
        [nameof(LlmOptions.Sampling)] = BindSampling,
        [nameof(LlmOptions.Seed)] = (options, section) => options.Seed = Parse<long>(section),
        [nameof(LlmOptions.UnsupportedOptionPolicy)] = (options, section) => options.UnsupportedOptionPolicy = EnumOf<UnsupportedOptionPolicy>(section),
        [nameof(LlmOptions.LoadAtStart)] = (options, section) => options.LoadAtStart = ParseBool(section),
    };

    private static readonly Dictionary<string, Func<EmbeddingOptions, IConfigurationSection, EmbeddingOptions>> EmbeddingTable = new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(EmbeddingOptions.Pooling)] = (options, section) => options with { Pooling = EnumOf<Pooling>(section) },
        [nameof(EmbeddingOptions.QueryPrefix)] = (options, section) => options with { QueryPrefix = section.Value },
        [nameof(EmbeddingOptions.DocumentPrefix)] = (options, section) => options with { DocumentPrefix = section.Value },
        [nameof(EmbeddingOptions.TruncatesLongTexts)] = (options, section) => options with { TruncatesLongTexts = ParseBool(section) },
    };

    private static readonly Dictionary<string, Func<ConversationOptions, IConfigurationSection, ConversationOptions>> ConversationTable = new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(ConversationOptions.MaxCount)] = (options, section) => options with { MaxCount = Parse<int>(section) },
        [nameof(ConversationOptions.MaxMessages)] = (options, section) => options with { MaxMessages = Parse<int>(section) },
    };

    /// <summary>Sets what the section has; an empty value leaves the default.</summary>
    /// <exception cref="InvalidOperationException">A key is unknown or a value has the wrong type; the message has the path.</exception>
    public static void Bind(IConfiguration section, LlmOptions options)
    {
        foreach (var child in section.GetChildren())
        {
            if (!Table.TryGetValue(child.Key, out var set))
                throw Unknown(child, Table.Keys);
            if (!IsEmpty(child))
                set(options, child);
        }
    }

    // By a table of settings; what is null stays so where there is nothing to set.
    private static T? Bind<T>(Dictionary<string, Func<T, IConfigurationSection, T>> table, IConfigurationSection section, T? value) where T : class, new()
    {
        foreach (var child in section.GetChildren())
        {
            if (!table.TryGetValue(child.Key, out var set))
                throw Unknown(child, table.Keys);
            if (!IsEmpty(child))
                value = set(value ?? new(), child);
        }

        return value;
    }

    private static void BindSampling(LlmOptions options, IConfigurationSection section)
    {
        SamplingOptions Apply(SamplingOptions sampling)
        {
            foreach (var child in section.GetChildren().Where(child => !IsEmpty(child)))
                Set(ref sampling, child);
            return sampling;
        }

        // What is wrong is said now; what is right waits for the file, whose recommendations it changes.
        var changed = Apply(options.Sampling ?? SamplingOptions.Default);
        if (options.Sampling is not null)
            options.Sampling = changed;
        else
            options.ConfiguredSampling = Apply;
    }

    private static void Set(ref SamplingOptions sampling, IConfigurationSection setting)
    {
        try
        {
            // A setting with children is a dictionary: logit biases by token id.
            object value = setting.Value ?? (object)setting.GetChildren().Select(bias => KeyValuePair.Create(bias.Key, bias.Value));
            if (!SamplingProperties.TrySet(ref sampling, setting.Key, value))
                throw Unknown(setting, SamplingProperties.Names);
        }
        catch (ArgumentException exception)
        {
            throw new InvalidOperationException($"Configuration '{setting.Path}': {exception.Message}", exception);
        }
    }

    private static bool IsEmpty(IConfigurationSection section) => string.IsNullOrEmpty(section.Value) && !section.GetChildren().Any();

    private static T Parse<T>(IConfigurationSection section) where T : struct, ISpanParsable<T> =>
        T.TryParse(section.Value, CultureInfo.InvariantCulture, out var value) ? value : throw Wrong(section, $"a number ({typeof(T).Name})");

    private static bool ParseBool(IConfigurationSection section) => bool.TryParse(section.Value, out var value) ? value : throw Wrong(section, "true or false");

    private static T EnumOf<T>(IConfigurationSection section) where T : struct, Enum =>
        Enum.TryParse<T>(section.Value, ignoreCase: true, out var value) && Enum.IsDefined(value) ? value : throw Wrong(section, string.Join(" or ", Enum.GetNames<T>()));

    private static InvalidOperationException Wrong(IConfigurationSection section, string expected) =>
        new($"Configuration '{section.Path}' must be {expected}; it is '{section.Value}'.");

    private static InvalidOperationException Unknown(IConfigurationSection section, IEnumerable<string> known) =>
        new($"Configuration '{section.Path}' is no option. Known: {string.Join(", ", known)}.");
}
