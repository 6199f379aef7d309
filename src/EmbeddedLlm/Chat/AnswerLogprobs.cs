using System.Collections;

namespace EmbeddedLlm.Chat;

/// <summary>
/// The log probabilities of an answer up to an update, as a list. Updates that become one response overwrite each other's properties, so each has what
/// came before it too.
/// </summary>
/// <param name="before">Those of the updates before; null at the beginning.</param>
/// <param name="own">Those that came with the update.</param>
internal sealed class AnswerLogprobs(AnswerLogprobs? before, TokenLogprob[] own) : IReadOnlyList<TokenLogprob>
{
    private readonly AnswerLogprobs? _before = before;
    private TokenLogprob[]? _all;

    /// <summary>Those that came with the update.</summary>
    public TokenLogprob[] Own { get; } = own;

    public int Count { get; } = (before?.Count ?? 0) + own.Length;

    public TokenLogprob this[int index] => All[index];

    public IEnumerator<TokenLogprob> GetEnumerator() => All.AsEnumerable().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private TokenLogprob[] All
    {
        get
        {
            if (_all is not null)
                return _all;
            var all = new TokenLogprob[Count];
            for (var part = this; part is not null; part = part._before)
                part.Own.CopyTo(all, part.Count - part.Own.Length);
            return _all = all;
        }
    }
}
