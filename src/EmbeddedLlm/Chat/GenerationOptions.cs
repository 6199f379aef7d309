using EmbeddedLlm.Chat.Constraints;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Sampling;

namespace EmbeddedLlm.Chat;

/// <summary>
/// How one request is answered. What is null takes the model's default. Return one from <c>ChatOptions.RawRepresentationFactory</c>
/// for full control: what it sets wins over the rest of the <c>ChatOptions</c>. A value out of range throws where it is set.
/// </summary>
public sealed record GenerationOptions
{
    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions? Sampling { get; init; }

    /// <summary>Same seed, same request: same text, whatever else runs.</summary>
    public long? Seed { get; init; }

    /// <summary>The most tokens of the answer, at least 1; default: until the context is full.</summary>
    public int? MaxOutputTokens
    {
        get;
        init => field = value is not <= 0 ? value : throw new ArgumentOutOfRangeException(nameof(MaxOutputTokens), value, "MaxOutputTokens must be at least 1.");
    }

    /// <summary>Strings, none of them empty, that end the answer; they are not part of it.</summary>
    public IReadOnlyList<string>? StopSequences
    {
        get;
        init => field = value?.Any(string.IsNullOrEmpty) is not true ? value : throw new ArgumentException("StopSequences must not have an empty one.", nameof(StopSequences));
    }

    /// <summary>
    /// What the whole answer may be, reasoning and calls of tools included; null for what the rest of the options asks. It must be compiled for the
    /// model's <see cref="LlmModel.Tokenizer"/>.
    /// </summary>
    public Constraint? Constraint { get; init; }

    /// <summary>What the text of the answer must be.</summary>
    internal AnswerForm? Form { get; init; }

    /// <summary>What was computed is shared with requests of the same key.</summary>
    internal long PrefixKey { get; init; }
}
