using System.Text.Json;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>What responses of this client carry in their additional properties.</summary>
public static class ChatResponseProperties
{
    /// <summary>Key of the log probabilities of a message or an update.</summary>
    public const string LogprobsKey = "logprobs";

    /// <summary>Key of how many messages were left out of the prompt; not there where none was.</summary>
    public const string DroppedMessagesKey = "dropped_messages";

    /// <summary>
    /// How probable the model found the tokens of the answer, in order: as many as the usage counts, those of reasoning and of calls of tools too, and those of
    /// a stop string that ended it. Empty where they were not asked for; see <see cref="ChatOptionsExtensions.WithLogprobs"/>.
    /// </summary>
    public static IReadOnlyList<TokenLogprob> GetLogprobs(this ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return [.. response.Messages.SelectMany(message => Logprobs(message.AdditionalProperties))];
    }

    /// <summary>Those of the tokens that came with an update; those of all updates, in order, are those of the answer.</summary>
    public static IReadOnlyList<TokenLogprob> GetLogprobs(this ChatResponseUpdate update)
    {
        ArgumentNullException.ThrowIfNull(update);
        return Value(update.AdditionalProperties, LogprobsKey) is AnswerLogprobs logprobs ? logprobs.Own : Logprobs(update.AdditionalProperties);
    }

    /// <summary>How many messages were left out of the prompt, as <see cref="ContextOverflow"/> asks, instructions counted as one.</summary>
    public static int GetDroppedMessages(this ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return response.Messages.Select(message => Dropped(message.AdditionalProperties)).LastOrDefault(dropped => dropped > 0);
    }

    /// <summary>As for a response; the last update of an answer says it.</summary>
    public static int GetDroppedMessages(this ChatResponseUpdate update)
    {
        ArgumentNullException.ThrowIfNull(update);
        return Dropped(update.AdditionalProperties);
    }

    /// <summary>Makes what updates carry, and coalescing gives to the message, into what a response carries.</summary>
    internal static async Task<ChatResponse> LiftAsync(Task<ChatResponse> coalescing)
    {
        var response = await coalescing.ConfigureAwait(false);
        foreach (var message in response.Messages)
        {
            if (Value(message.AdditionalProperties, LogprobsKey) is AnswerLogprobs logprobs)
                message.AdditionalProperties![LogprobsKey] = logprobs.ToArray();
            if (Dropped(message.AdditionalProperties) is > 0 and var dropped)
                (response.AdditionalProperties ??= [])[DroppedMessagesKey] = dropped;
        }

        return response;
    }

    private static int Dropped(AdditionalPropertiesDictionary? properties) => Value(properties, DroppedMessagesKey) switch
    {
        int dropped => dropped,
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetInt32(),
        _ => 0,
    };

    private static IReadOnlyList<TokenLogprob> Logprobs(AdditionalPropertiesDictionary? properties) => Value(properties, LogprobsKey) switch
    {
        IReadOnlyList<TokenLogprob> logprobs => logprobs,
        JsonElement { ValueKind: JsonValueKind.Array } json => json.Deserialize(LogprobJson.Default.TokenLogprobArray)!,
        _ => [],
    };

    private static object? Value(AdditionalPropertiesDictionary? properties, string key) => properties is not null && properties.TryGetValue(key, out var value) ? value : null;
}
