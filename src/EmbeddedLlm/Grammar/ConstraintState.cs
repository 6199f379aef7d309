using System.Text;
using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar;

/// <summary>How far one answer has come in its <see cref="Constraint"/>. For one thread at a time.</summary>
public sealed class ConstraintState
{
    private const int MaxForcedBytes = 256;

    private readonly Constraint _constraint;
    private readonly List<Row> _rows = [];

    internal ConstraintState(Constraint constraint)
    {
        _constraint = constraint;
        _rows.Add(constraint.StartRow);
    }

    private ConstraintState(ConstraintState other)
    {
        _constraint = other._constraint;
        _rows.AddRange(other._rows);
        IsEnded = other.IsEnded;
    }

    /// <summary>Tokens, or pieces of text, taken so far, with the one that ends the answer.</summary>
    public int Count => _rows.Count - 1;

    /// <summary>Whether the answer may end here.</summary>
    public bool IsComplete => Row.IsAccepting;

    /// <summary>Whether the answer may end here, and nothing else may come.</summary>
    public bool IsFinal => IsEnded || Row is { IsAccepting: true, Items.Length: 0 };

    /// <summary>Whether a token has ended the answer.</summary>
    public bool IsEnded { get; private set; }

    private Row Row => _rows[^1];

    /// <summary>Sets the bit of each token that may come next, clears the others. Token <c>id</c> is bit <c>id &amp; 63</c> of word <c>id >> 6</c>.</summary>
    /// <param name="mask">One bit for each token of the vocabulary.</param>
    /// <exception cref="ConstraintException">A limit was passed.</exception>
    public void FillMask(Span<ulong> mask)
    {
        if (IsEnded)
            mask.Clear();
        else
            _constraint.FillMask(Row, mask);
    }

    /// <summary>Takes a token.</summary>
    /// <returns>False where the token may not come; then the state stays as it was.</returns>
    public bool Accept(int token)
    {
        if (IsEnded)
            return false;
        if (_constraint.Tokens.IsEnd(token) && Row.IsAccepting)
        {
            _rows.Add(Row);
            return IsEnded = true;
        }
        if (_constraint.Step(Row, token) is not { } next)
            return false;
        _rows.Add(next);
        return true;
    }

    /// <summary>Takes text in place of a token.</summary>
    /// <param name="text">UTF-8, or part of it.</param>
    /// <returns>The bytes that could be taken; where that is not all, the state stays as it was.</returns>
    public int AcceptText(ReadOnlySpan<byte> text)
    {
        if (IsEnded)
            return 0;
        if (_constraint.Step(Row, text, out var taken) is { } next)
            _rows.Add(next);
        return taken;
    }

    /// <summary>What may come next, for people: bytes, a token by itself, the end.</summary>
    public string DescribeNext() => IsEnded ? "nothing" : _constraint.Describe(Row);

    /// <summary>Takes the last tokens back.</summary>
    public void Rollback(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        IsEnded &= count == 0;
        _rows.RemoveRange(_rows.Count - count, count);
    }

    /// <summary>A state that goes its own way from here.</summary>
    public ConstraintState Clone() => new(this);

    /// <summary>
    /// The tokens that a text begins with which has one way on only. The last token of that text is left out where free text follows,
    /// since it may be part of a longer one.
    /// </summary>
    public int[] Forced()
    {
        Span<byte> bytes = stackalloc byte[MaxForcedBytes];
        var count = IsEnded ? 0 : _constraint.Forced(Row, bytes);
        if (count == 0)
            return [];
        var tokens = _constraint.Tokens.Encode(Encoding.UTF8.GetString(bytes[..count]));
        var row = Row;
        var taken = 0;
        foreach (var token in tokens)
        {
            if (_constraint.Step(row, token) is not { } next)
                break;
            row = next;
            taken++;
        }
        var endsText = taken == tokens.Length && row is { IsAccepting: true, Items.Length: 0 };
        return tokens[..(endsText ? taken : Math.Min(taken, tokens.Length - 1))];
    }
}
