using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Testing;

/// <summary>
/// Which token follows after which. It knows requests by their tokens alone: tokens that go on from a known prompt as its answer does belong to that
/// answer, all others are a new prompt.
/// </summary>
internal sealed class Script(Func<string, string> answer)
{
    private readonly Lock _gate = new();
    private readonly List<(int[] Prompt, int[] Answer)> _requests = [];
    private readonly List<string> _prompts = [];

    /// <summary>Set once the model is loaded, before it is asked.</summary>
    public Tokenizer? Tokenizer { get; set; }

    public IReadOnlyList<string> Prompts
    {
        get
        {
            lock (_gate)
                return [.. _prompts];
        }
    }

    /// <summary>The token after these.</summary>
    public int Next(ReadOnlySpan<int> tokens)
    {
        lock (_gate)
        {
            // The newest first: an older prompt may begin it.
            for (var i = _requests.Count - 1; i >= 0; i--)
            {
                var (prompt, written) = _requests[i];
                if (tokens.Length > prompt.Length && tokens.Length < prompt.Length + written.Length
                    && tokens.StartsWith(prompt) && written.AsSpan().StartsWith(tokens[prompt.Length..]))
                {
                    return written[tokens.Length - prompt.Length];
                }
            }

            return Answer(tokens);
        }
    }

    // The same prompt again is another request, with an answer of its own.
    private int Answer(ReadOnlySpan<int> tokens)
    {
        var tokenizer = Tokenizer ?? throw new InvalidOperationException("The model is asked before it is loaded.");
        var text = tokenizer.Decode(tokens);
        int[] written = [.. tokenizer.Encode(answer(text), addSpecial: false), tokenizer.EosId ?? throw new InvalidOperationException("The vocabulary has no end token.")];
        _prompts.Add(text);
        _requests.Add((tokens.ToArray(), written));
        return written[0];
    }
}
