using EmbeddedLlm.Chat.Constraints;
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
        ["Grammar"] = (options, key, value) => Formed(options, key, new AnswerForm.Gbnf(Text(key, value))),
        ["Regex"] = (options, key, value) => Formed(options, key, new AnswerForm.Regex(Text(key, value))),
        ["Choices"] = (options, key, value) => Formed(options, key, new AnswerForm.Choices(Texts(key, value))),
        ["JsonWhiteSpace"] = (options, key, value) => options.Form is AnswerForm.Schema json ? options with { Form = json with { AllowsWhiteSpace = Boolean(key, value) } } : options,
        ["ContinueFinalMessage"] = (options, key, value) => options with { ContinueFinalMessage = Boolean(key, value) },
    };

    /// <summary>Sets one value. False: there is no setting of this name.</summary>
    /// <exception cref="ArgumentException">The value is not of the setting's type, or out of range.</exception>
    public static bool TrySet(ref GenerationOptions options, string key, object value)
    {
        if (!Table.TryGetValue(NameOf(key), out var set))
            return false;
        options = set(options, key, value);
        return true;
    }

    private static GenerationOptions Formed(GenerationOptions options, string key, AnswerForm form) => options.Form is null
        ? options with { Form = form }
        : throw new ArgumentException($"The answer cannot have the form of '{key}' and another one; ResponseFormat and the keys grammar, regex, choices exclude each other.", nameof(options));
}
