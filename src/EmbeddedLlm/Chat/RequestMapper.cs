using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Sampling;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Chat;

/// <summary>From <see cref="ChatOptions"/> to what the engine is asked for. What cannot be honoured is refused or logged, never dropped in silence.</summary>
/// <param name="modelId">The model that requests may name.</param>
/// <param name="defaults">How tokens are chosen where a request does not say.</param>
/// <param name="unsupported">Told of what is not honoured.</param>
/// <param name="logger">Takes events.</param>
/// <param name="keepsConversations">Whether a request may name a conversation.</param>
internal sealed partial class RequestMapper(string modelId, SamplingOptions defaults, UnsupportedOptions unsupported, ILogger logger, bool keepsConversations = false)
{
    /// <summary>Whether requests go on without what cannot be honoured.</summary>
    public bool GoesOnWithoutUnsupported => unsupported.GoesOn;

    /// <summary>Maps the options of one request; they are only read.</summary>
    /// <param name="client">What <see cref="ChatOptions.RawRepresentationFactory"/> is given.</param>
    /// <param name="options">The caller's options.</param>
    /// <exception cref="NotSupportedException">A feature is asked for that there is not, and the policy is to throw.</exception>
    /// <exception cref="InvalidOperationException">Another model is asked for.</exception>
    /// <exception cref="ArgumentException">A value is of the wrong type.</exception>
    public GenerationOptions Map(IChatClient client, ChatOptions? options)
    {
        if (options is null)
            return new();

        Refuse(options);
        unsupported.PassOver(options);
        var asked = Generation(options);
        return Raw(client, options)?.Or(asked) ?? asked;
    }

    private void Refuse(ChatOptions options)
    {
        if (options.ModelId is { } asked && asked != modelId)
            throw new InvalidOperationException($"There is no model '{asked}' here. Known: '{modelId}'.");
        if (options.ConversationId is not null && !keepsConversations)
            unsupported.Refuse("ConversationId is set, but the client keeps no history. Set LlmOptions.Conversations to keep conversations, or send all messages; a shared beginning is not computed again.");
    }

    private GenerationOptions? Raw(IChatClient client, ChatOptions options)
    {
        switch (options.RawRepresentationFactory?.Invoke(client))
        {
            case null:
                return null;
            case GenerationOptions generation:
                return generation;
            case SamplingOptions sampling:
                return new() { Sampling = sampling };
            case var other: // it may be meant for another provider's client
                LogForeignRepresentation(logger, other.GetType());
                return null;
        }
    }

    private GenerationOptions Generation(ChatOptions options)
    {
        var sampling = defaults with
        {
            Temperature = options.Temperature ?? defaults.Temperature,
            TopP = options.TopP ?? defaults.TopP,
            TopK = options.TopK ?? defaults.TopK,
            FrequencyPenalty = options.FrequencyPenalty ?? defaults.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? defaults.PresencePenalty,
        };
        if (sampling.PenaltyWindow == 0 && AsksForPenalty(options))
            sampling = sampling with { PenaltyWindow = SamplingOptions.Default.PenaltyWindow }; // the model's default looks at nothing, the request asks to

        var generation = new GenerationOptions
        {
            Seed = options.Seed,
            MaxOutputTokens = options.MaxOutputTokens,
            StopSequences = options.StopSequences?.ToArray(),
            Form = AnswerForm.Of(options.ResponseFormat),
        };
        foreach (var (key, value) in options.AdditionalProperties ?? [])
        {
            if (value is not null && !SamplingProperties.TrySet(ref sampling, key, value) && !GenerationProperties.TrySet(ref generation, key, value))
                unsupported.PassOver(key);
        }

        return generation with { Sampling = sampling };
    }

    private static bool AsksForPenalty(ChatOptions options) =>
        (options.FrequencyPenalty ?? options.PresencePenalty) is not null
        || options.AdditionalProperties?.Any(property => property.Value is not null && SamplingProperties.IsPenalty(property.Key)) == true;

    [LoggerMessage(2020, LogLevel.Warning, "RawRepresentationFactory gave a {Type}, which is none of this client's options; it is ignored.")]
    private static partial void LogForeignRepresentation(ILogger logger, Type type);
}
