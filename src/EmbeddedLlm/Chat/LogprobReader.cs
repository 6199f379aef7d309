using System.Text;
using EmbeddedLlm.Engine;
using EmbeddedLlm.Sampling;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Chat;

/// <summary>Takes the scores of tokens as these are read, and gives them out in bunches.</summary>
internal sealed class LogprobReader(TokenStream tokens, Tokenizer tokenizer)
{
    private readonly List<TokenLogprob> _read = [];

    /// <summary>Notes that a token was read.</summary>
    public void Read()
    {
        if (tokens.TakeScore() is { } score)
            _read.Add(Of(score.Token, score.Logprob, [.. score.Top.Select(other => Of(other.Token, other.Logprob, []))]));
    }

    /// <summary>Those of the tokens read since the last call.</summary>
    public TokenLogprob[] Take()
    {
        TokenLogprob[] taken = [.. _read];
        _read.Clear();
        return taken;
    }

    private TokenLogprob Of(int token, float logprob, TokenLogprob[] top)
    {
        var bytes = tokenizer.GetBytes(token).ToArray();
        return new(token, tokenizer.TryGetText(token, out var text) ? text : Encoding.UTF8.GetString(bytes), bytes, logprob, top);
    }
}
