using System.Numerics;
using System.Text;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Tests.Grammar;

/// <summary>
/// Writes texts that a constraint allows: any allowed token at first, then those that lead to an end. On the way it holds masks against
/// what is accepted, and states that go back, or go another way, against those that did not.
/// </summary>
internal sealed class RandomWalk(Tokenizer tokenizer, Random random)
{
    private const int MaxTokens = 400;

    // The end of the answer, else a quote, a closing bracket, or any token of one byte.
    private readonly int[] _ranks = [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(id => tokenizer.EndOfGeneration.Contains(id) ? 0 : tokenizer.GetBytes(id) is [var b] ? Rank(b) : 900)];

    /// <summary>Walks until the text is done.</summary>
    /// <returns>Its bytes, or null where it did not end soon.</returns>
    public byte[]? Write(Constraint constraint)
    {
        var state = constraint.Start();
        var mask = new ulong[constraint.MaskLength];
        var text = new List<byte>();
        var freeTokens = random.Next(25);
        for (var step = 0; step < MaxTokens; step++)
        {
            state.FillMask(mask);
            var token = step < freeTokens ? Any(mask) : Closing(mask);
            Assert.True(token >= 0, $"No token may follow {Encoding.UTF8.GetString([.. text])}");
            if (random.Next(8) == 0)
            {
                Refuse(state, mask);
                Leave(state, mask);
            }
            Assert.True(state.Accept(token), $"The mask allows token {token}, which is not accepted after {Encoding.UTF8.GetString([.. text])}");
            if (state.IsEnded)
                return [.. text];
            text.AddRange(tokenizer.GetBytes(token));
        }
        return null;
    }

    // Tokens outside the mask are refused, and leave the state as it was.
    private void Refuse(ConstraintState state, ulong[] mask)
    {
        var count = state.Count;
        for (var i = 0; i < 16; i++)
        {
            var token = random.Next(tokenizer.VocabularySize);
            if (GrammarTesting.Allows(mask, token))
                continue;
            Assert.False(state.Accept(token), $"Token {token} is accepted, the mask does not allow it.");
            Assert.Equal(count, state.Count);
        }
    }

    // What goes another way from here changes nothing here, and comes back to the same mask.
    private void Leave(ConstraintState state, ulong[] mask)
    {
        var other = state.Clone();
        var seen = new ulong[mask.Length];
        for (var i = random.Next(1, 4); i > 0 && !other.IsEnded; i--)
        {
            other.FillMask(seen);
            Assert.True(other.Accept(Any(seen)));
        }
        other.Rollback(other.Count - state.Count);
        other.FillMask(seen);
        Assert.Equal(mask, seen);
        state.FillMask(seen);
        Assert.Equal(mask, seen);
    }

    private int Any(ulong[] mask)
    {
        var count = mask.Sum(word => BitOperations.PopCount(word));
        var chosen = count == 0 ? -1 : random.Next(count);
        for (var i = 0; i < mask.Length && chosen >= 0; i++)
        {
            var here = BitOperations.PopCount(mask[i]);
            if (chosen >= here)
            {
                chosen -= here;
                continue;
            }
            var word = mask[i];
            for (; chosen > 0; chosen--)
                word &= word - 1;
            return i * 64 + BitOperations.TrailingZeroCount(word);
        }
        return -1;
    }

    private int Closing(ulong[] mask)
    {
        var best = (Rank: int.MaxValue, Id: -1);
        for (var i = 0; i < mask.Length; i++)
        {
            for (var word = mask[i]; word != 0; word &= word - 1)
            {
                var id = i * 64 + BitOperations.TrailingZeroCount(word);
                var rank = _ranks[id] == 100 ? 100 + random.Next(100) : _ranks[id];
                if (rank < best.Rank)
                    best = (rank, id);
            }
        }
        return best.Id;
    }

    private static int Rank(byte b) => b switch { (byte)'"' => 1, (byte)']' or (byte)'}' => 2, (byte)':' => 3, (byte)'[' or (byte)'{' => 500, _ => 100 };
}
