using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Embeddings;

/// <summary>Texts to tokens that fit.</summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="contextLength">Tokens that fit.</param>
/// <param name="truncates">Whether a longer text is cut; else it is refused.</param>
/// <param name="pairFormat">How the two texts of a pair are laid out.</param>
internal sealed class TextEncoder(Tokenizer tokenizer, int contextLength, bool truncates, PairFormat pairFormat)
{
    /// <summary>Tokens that fit.</summary>
    public int ContextLength => contextLength;

    /// <summary>The tokens of a text, with those that the model wants around it. Marks written in the text stay text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="index">Its place among the caller's, for errors.</param>
    /// <param name="cut">How many tokens were cut off.</param>
    /// <exception cref="ArgumentException">It gives no token.</exception>
    /// <exception cref="ContextFullException">It does not fit.</exception>
    public int[] Encode(string text, int index, out int cut)
    {
        var tokens = tokenizer.Encode(text, parseSpecial: false);
        return tokens.Length > 0 ? Fit(tokens, Ending, index, out cut) : throw new ArgumentException($"Text {index} gives no token.", nameof(text));
    }

    /// <summary>The tokens of a query and a document behind it.</summary>
    /// <inheritdoc cref="Encode"/>
    public int[] EncodePair(string query, string document, int index, out int cut)
    {
        if (pairFormat.Template is { } template)
        {
            var tail = tokenizer.EncodeMixed([(template.Tail, true)]).Length - (tokenizer.AddsBos ? 1 : 0);
            return Fit(tokenizer.EncodeMixed(template.Fill(query, document)), tail, index, out cut);
        }

        var second = tokenizer.Encode(document, parseSpecial: false);
        return Fit([.. tokenizer.Encode(query, parseSpecial: false), .. pairFormat.Separator, .. tokenizer.AddsBos ? second[1..] : second], Ending, index, out cut);
    }

    private int Ending => tokenizer.EndsTexts ? 1 : 0;

    // What ends a text stays at its end.
    private int[] Fit(int[] tokens, int ending, int index, out int cut)
    {
        cut = Math.Max(0, tokens.Length - contextLength);
        if (cut == 0)
            return tokens;
        if (!truncates || ending >= contextLength)
            throw new ContextFullException($"Text {index} has {tokens.Length} tokens, the model takes {contextLength}. Split it, raise ContextLength, or set Embedding.TruncatesLongTexts.", tokens.Length, contextLength);
        return [.. tokens.AsSpan(0, contextLength - ending), .. tokens.AsSpan(tokens.Length - ending)];
    }
}
