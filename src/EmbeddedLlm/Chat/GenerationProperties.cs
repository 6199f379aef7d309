using static EmbeddedLlm.Chat.PropertyValues;

namespace EmbeddedLlm.Chat;

/// <summary>
/// The table of what <c>ChatOptions.AdditionalProperties</c> may ask for beside sampling. Names are those of the properties of
/// <see cref="GenerationOptions"/>; case and underscores do not matter.
/// </summary>
internal static class GenerationProperties
{
    private static readonly Dictionary<string, Func<GenerationOptions, string, object, GenerationOptions>> Table = new(StringComparer.OrdinalIgnoreCase)
    {
        ["StopTokens"] = (options, key, value) => options with { StopTokens = Tokens(key, value) },
        ["Logprobs"] = (options, key, value) => Boolean(key, value) ? options with { TopLogprobs = options.TopLogprobs ?? 0 } : options,
        ["TopLogprobs"] = (options, key, value) => Integer(key, value) is var top and not 0 ? options with { TopLogprobs = top } : options,
        ["PromptCache"] = (options, key, value) => options with { PromptCache = Boolean(key, value) },
        ["PromptCacheKey"] = (options, key, value) => options with { PromptCacheKey = Text(key, value) },
        ["ContextOverflow"] = (options, key, value) => options with { ContextOverflow = EnumOf<ContextOverflow>(key, value) },
        ["AssistantPrefill"] = (options, key, value) => options with { AssistantPrefill = Text(key, value) },
        ["ContinueFinalMessage"] = (options, key, value) => options with { ContinueFinalMessage = Boolean(key, value) },
    };

    /// <summary>Sets one value. False: there is no setting of this name.</summary>
    /// <exception cref="ArgumentException">The value is not of the setting's type, or out of range.</exception>
    public static bool TrySet(ref GenerationOptions options, string key, object value)
    {
        if (!Table.TryGetValue(key.Replace("_", "", StringComparison.Ordinal), out var set))
            return false;
        options = set(options, key, value);
        return true;
    }
}
