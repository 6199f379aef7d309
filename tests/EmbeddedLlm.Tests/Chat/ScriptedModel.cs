using EmbeddedLlm.Chat;
using EmbeddedLlm.Chat.Templates;
using EmbeddedLlm.Conversations;
using EmbeddedLlm.Engine.Drafts;
using EmbeddedLlm.Gguf;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tests.Engine;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>
/// A whole model but for the weights: real tokenizer (a token for each byte, some words, ChatML marks), real template, real engine, and a
/// script in place of the forward pass.
/// </summary>
internal sealed class ScriptedModel : IDisposable
{
    public const string Id = "scripted";
    private const string Begin = "<|im_start|>";
    private const string End = "<|im_end|>";
    private static readonly string[] Marks = ["<|tool_call_start|>", "<|tool_call_end|>", "<think>", "</think>"];
    private static readonly string[] Words = ["Hello", "Ġworld", "!EN", "Ding"]; // in the spelling of byte-level BPE

    /// <summary>Bytes, words, ChatML marks.</summary>
    public static Tokenizer Tokenizer { get; } = CreateTokenizer();

    /// <summary>A model that continues any history by a script.</summary>
    /// <param name="next">From all tokens of a sequence to the next one.</param>
    /// <param name="contextLength">Tokens of a request.</param>
    /// <param name="batchTokens">Tokens of a step.</param>
    /// <param name="sampling">The model's default.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logs">Takes events.</param>
    /// <param name="template">The chat template; null for ChatML without tools.</param>
    /// <param name="conversations">Conversations that are kept; null for none.</param>
    public ScriptedModel(Func<int[], int> next, int contextLength = 512, int batchTokens = 64, SamplingOptions? sampling = null, TimeProvider? time = null, ILoggerFactory? logs = null, string? template = null, ConversationOptions? conversations = null)
        : this(Certain(next), contextLength, batchTokens, sampling, time, logs, template, conversations: conversations)
    {
    }

    /// <summary>A model whose logits are a script.</summary>
    public ScriptedModel(ScriptedRunner.Script script, int contextLength = 512, int batchTokens = 64, SamplingOptions? sampling = null, TimeProvider? time = null, ILoggerFactory? logs = null, string? template = null, Func<IDrafter>? drafter = null, ConversationOptions? conversations = null)
    {
        const int BlockTokens = 16;
        Runner = new(Tokenizer.VocabularySize, 4 * contextLength / BlockTokens, BlockTokens, script);
        Model = new(new()
        {
            Runner = Runner,
            Tokenizer = Tokenizer,
            Template = ChatTemplate.Create(template, null, End, vocabularyHasChatMl: true),
            Sizes = new()
            {
                ContextLength = contextLength,
                VocabularySize = Tokenizer.VocabularySize,
                KvBlockTokens = BlockTokens,
                MaxBatchRows = batchTokens,
                MaxSequences = Math.Min(32, batchTokens),
                Model = Id,
                Drafter = drafter,
            },
            Sampling = sampling ?? SamplingOptions.Default,
            Time = time ?? TimeProvider.System,
            Conversations = conversations,
            Fingerprint = new byte[32],
            LoggerFactory = logs ?? NullLoggerFactory.Instance,
        });
    }

    public LlmModel Model { get; }

    public ScriptedRunner Runner { get; }

    public IChatClient Client => Model.AsIChatClient();

    /// <summary>A chat model: from the prompt's text to the tokens of the answer, after which the turn ends.</summary>
    public static ScriptedModel Answering(Func<string, int[]> answer, int contextLength = 512, int batchTokens = 64, SamplingOptions? sampling = null, TimeProvider? time = null, ILoggerFactory? logs = null, string? template = null, ConversationOptions? conversations = null) =>
        new(
            history =>
            {
                // The prompt ends with "<|im_start|>assistant\n", a token for each byte, and perhaps with marks of reasoning.
                var promptLength = Array.LastIndexOf(history, Id1(Begin)) + 1 + "assistant\n".Length;
                while (Opening(history, promptLength) is > 0 and var length)
                    promptLength += length;
                var tokens = answer(Tokenizer.Decode(history.AsSpan(0, promptLength)));
                var written = history.Length - promptLength;
                return written < tokens.Length ? tokens[written] : Id1(End);
            },
            contextLength, batchTokens, sampling, time, logs, template, conversations);

    /// <summary>A chat model that always gives the same answer.</summary>
    public static ScriptedModel Answering(params string[] pieces) => Answering(_ => Tokens(pieces));

    /// <summary>The tokens of pieces, each of which is one token or, if it is none, its bytes.</summary>
    public static int[] Tokens(params string[] pieces) =>
        [.. pieces.SelectMany(piece => Tokenizer.TryGetId(piece.Replace(" ", "Ġ", StringComparison.Ordinal), out var id) ? [id] : Tokenizer.Encode(piece, addSpecial: false))];

    public void Dispose() => Model.Dispose();

    private static ScriptedRunner.Script Certain(Func<int[], int> next) => (tokens, logits) =>
    {
        logits.Fill(-1000);
        logits[next([.. tokens])] = 1000;
    };

    // Of a prompt that has begun the reasoning, or ended it.
    private static int Opening(int[] history, int at)
    {
        foreach (var opening in new[] { "<think>\n\n</think>\n\n", "<think>\n" })
        {
            var tokens = Tokenizer.Encode(opening, addSpecial: false, parseSpecial: true);
            if (history.AsSpan(at).StartsWith(tokens))
                return tokens.Length;
        }

        return 0;
    }

    private static int Id1(string piece) => Tokenizer.TryGetId(piece, out var id) ? id : throw new ArgumentException(piece);

    private static Tokenizer CreateTokenizer()
    {
        // The 256 characters in which byte-level BPE spells bytes.
        var bytes = Enumerable.Range(0, 256).Select(value => ByteLevelAlphabet.Character((byte)value).ToString());
        string[] pieces = [.. bytes, .. Words, .. Marks, Begin, End];
        int[] types = [.. pieces.Select(piece => piece is Begin or End || Marks.Contains(piece) ? 3 : 1)];
        return Tokenizer.FromGguf(new("test", new OrderedDictionary<string, GgufValue>
        {
            ["tokenizer.ggml.model"] = GgufValue.Of("gpt2"),
            ["tokenizer.ggml.pre"] = GgufValue.Of("gpt-2"),
            ["tokenizer.ggml.tokens"] = GgufValue.Of(pieces),
            ["tokenizer.ggml.token_type"] = GgufValue.Of(types.AsSpan()),
            ["tokenizer.ggml.merges"] = GgufValue.Of(Array.Empty<string>()),
            ["tokenizer.ggml.eos_token_id"] = GgufValue.Of(pieces.Length - 1),
            ["tokenizer.ggml.add_bos_token"] = GgufValue.Of(false),
        }));
    }
}
