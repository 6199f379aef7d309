using EmbeddedLlm.Grammar;

namespace EmbeddedLlm.Engine;

/// <summary>
/// Keeps one answer within its constraint. The masks of a step are worked out while the model runs it: that of the next token, and those behind
/// each token of the draft, all of which are known before.
/// </summary>
internal sealed class Guide
{
    private readonly Constraint _constraint;
    private readonly ConstraintState _state;
    private readonly List<ulong[]> _masks = [];                             // of the rows of a step, kept from step to step
    private Exception? _failure;

    /// <summary>Begins an answer.</summary>
    /// <param name="constraint">What it may be.</param>
    /// <param name="prefill">The tokens with which the prompt has begun it.</param>
    /// <exception cref="ArgumentException">The constraint does not take these.</exception>
    public Guide(Constraint constraint, ReadOnlySpan<int> prefill)
    {
        (_constraint, _state) = (constraint, constraint.Start());
        foreach (var token in prefill)
            if (!_state.Accept(token))
                throw new ArgumentException($"The prefill cannot begin an answer of the form that is asked for: of its {prefill.Length} tokens {_state.Count} fit.", nameof(prefill));
    }

    /// <summary>Whether the answer is whole, and nothing more may come.</summary>
    public bool IsFinished => _state.IsFinal;

    /// <summary>How many tokens of a draft the constraint takes. One that comes to a limit takes no more: the request fails only if it goes there itself.</summary>
    public int Fit(ReadOnlySpan<int> draft)
    {
        var fitting = 0;
        try
        {
            while (fitting < draft.Length && _state.Accept(draft[fitting]))
                fitting++;
        }
        catch (ConstraintException)
        {
        }
        _state.Rollback(fitting);
        return fitting;
    }

    /// <summary>Works out the masks of a step. What goes wrong is thrown by <see cref="Mask"/>.</summary>
    /// <param name="draft">Tokens that the constraint takes.</param>
    public void Prepare(ReadOnlySpan<int> draft)
    {
        _failure = null;
        var taken = 0;
        try
        {
            for (var row = 0; row <= draft.Length; row++)
            {
                if (row > 0 && _state.Accept(draft[row - 1]))
                    taken++;
                if (_masks.Count == row)
                    _masks.Add(new ulong[_constraint.MaskLength]);
                _state.FillMask(_masks[row]);
            }
        }
        catch (Exception failure)
        {
            _failure = failure;
        }
        _state.Rollback(taken);
    }

    /// <summary>The tokens that may come.</summary>
    /// <param name="row">The tokens of the draft that came before, in this step.</param>
    /// <exception cref="ConstraintException">A limit was passed.</exception>
    public ReadOnlySpan<ulong> Mask(int row) => _failure is null ? _masks[row] : throw _failure;

    /// <summary>Takes a token that its mask allows.</summary>
    /// <exception cref="ConstraintException">A limit was passed.</exception>
    public void Accept(int token)
    {
        if (!_state.Accept(token))
            throw new InvalidOperationException($"The constraint does not take token {token}, which its mask allows.");
    }

    /// <summary>Takes the tokens to which there is no other way on.</summary>
    /// <exception cref="ConstraintException">A limit was passed.</exception>
    public int[] TakeForced()
    {
        var forced = _state.Forced();
        foreach (var token in forced)
            Accept(token);
        return forced;
    }
}
