using System.Numerics;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>Writes a text that a constraint allows: any allowed token at first, then those that lead to an end.</summary>
internal static class RandomWalk
{
    private const int MaxTokens = 500;

    /// <summary>Walks until the text is done.</summary>
    /// <returns>Its bytes, or null where it did not end soon.</returns>
    /// <exception cref="InvalidOperationException">There was no way on.</exception>
    public static byte[]? Write(Constraint constraint, Tokenizer tokenizer, Random random, int freeTokens)
    {
        var state = constraint.Start();
        var mask = new ulong[constraint.MaskLength];
        var text = new List<byte>();
        for (var step = 0; step < MaxTokens; step++)
        {
            state.FillMask(mask);
            var token = step < freeTokens ? Any(mask, random) : Closing(mask, tokenizer, random);
            if (token < 0)
                throw new InvalidOperationException($"No token may follow {System.Text.Encoding.UTF8.GetString([.. text])}");
            if (!state.Accept(token))
                throw new InvalidOperationException($"The mask allows token {token}, which is not accepted after {System.Text.Encoding.UTF8.GetString([.. text])}");
            if (state.IsEnded)
                return [.. text];
            text.AddRange(tokenizer.GetBytes(token));
        }
        return null;
    }

    private static int Any(ulong[] mask, Random random)
    {
        var count = mask.Sum(word => BitOperations.PopCount(word));
        var chosen = count == 0 ? -1 : random.Next(count);
        for (var i = 0; i < mask.Length; i++)
        {
            for (var word = mask[i]; word != 0; word &= word - 1)
            {
                if (chosen-- == 0)
                    return i * 64 + BitOperations.TrailingZeroCount(word);
            }
        }
        return -1;
    }

    // The end of the answer, else a quote, a closing bracket, or any token of one byte.
    private static int Closing(ulong[] mask, Tokenizer tokenizer, Random random)
    {
        var best = (Rank: int.MaxValue, Id: -1);
        for (var i = 0; i < mask.Length; i++)
        {
            for (var word = mask[i]; word != 0; word &= word - 1)
            {
                var id = i * 64 + BitOperations.TrailingZeroCount(word);
                var bytes = tokenizer.GetBytes(id);
                var rank = tokenizer.EndOfGeneration.Contains(id) ? 0
                    : bytes.Length != 1 ? 9000
                    : bytes[0] switch { (byte)'"' => 1, (byte)']' or (byte)'}' => 2, (byte)':' => 3, (byte)'[' or (byte)'{' => 500, _ => 100 + random.Next(100) };
                if (rank < best.Rank)
                    best = (rank, id);
            }
        }
        return best.Id;
    }
}
