using EmbeddedLlm.Engine;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Chat;

/// <summary>From the tokens of a prompt to text: what chat and plain completion share.</summary>
/// <param name="engine">Runs the request.</param>
/// <param name="tokenizer">Turns tokens into text and knows which end it.</param>
/// <param name="sampling">Used where a request does not say.</param>
/// <param name="seed">Used where a request does not say.</param>
internal sealed class TextGenerator(InferenceEngine engine, Tokenizer tokenizer, SamplingOptions sampling, long? seed)
{
    /// <summary>The most tokens of a request, prompt and answer together.</summary>
    public int ContextLength => engine.ContextLength;

    /// <summary>Starts a request.</summary>
    /// <param name="prompt">The tokens to go on from.</param>
    /// <param name="options">What is null takes the defaults.</param>
    /// <param name="beginsText">Whether the answer is a text of its own (a message) rather than the rest of the prompt's.</param>
    /// <param name="kept">Control tokens that stay in the text.</param>
    /// <param name="prefillTokens">How many of the prompt's last tokens belong to the answer already.</param>
    /// <param name="cancellationToken">Ends the request within a step.</param>
    /// <exception cref="ArgumentException">The prompt is empty, a stop token is none of the vocabulary, or the constraint does not take the prefill.</exception>
    /// <exception cref="ContextFullException">The prompt does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public ResponseReader Start(ReadOnlyMemory<int> prompt, GenerationOptions options, bool beginsText, IReadOnlySet<int> kept, int prefillTokens, CancellationToken cancellationToken)
    {
        if (prompt.IsEmpty)
            throw new ArgumentException("The prompt has no token.", nameof(prompt));

        var request = new GenerationRequest
        {
            Prompt = prompt,
            Sampling = options.Sampling ?? sampling,
            Seed = options.Seed ?? seed,
            MaxTokens = options.MaxOutputTokens ?? int.MaxValue,
            StopTokens = StopTokens(options.StopTokens),
            TopLogprobs = options.TopLogprobs,
            SharesPrefix = options.PromptCache ?? true,
            PrefixKey = KeyOf(options),
            Constraint = options.Constraint,
            PrefillTokens = prefillTokens,
        };
        var tokens = engine.Start(request, cancellationToken);
        return new(tokens, tokenizer.CreateDetokenizer(beginsText, kept), options.StopSequences ?? [], options.TopLogprobs is null ? null : new(tokens, tokenizer));
    }

    /// <summary>The key under which a request finds and leaves what is computed.</summary>
    public static long KeyOf(GenerationOptions options) => options.OwnPrefixKey ?? PrefixKey.Of(options.PromptCacheKey);

    private IReadOnlySet<int> StopTokens(IReadOnlyList<int>? own)
    {
        if (own is not { Count: > 0 })
            return tokenizer.EndOfGeneration;
        foreach (var token in own)
            if ((uint)token >= (uint)tokenizer.VocabularySize)
                throw new ArgumentException($"StopTokens has token {token}; the vocabulary ends at {tokenizer.VocabularySize - 1}.", nameof(own));
        return new HashSet<int>([.. tokenizer.EndOfGeneration, .. own]);
    }
}
