using System.Diagnostics;
using System.Numerics.Tensors;

namespace EmbeddedLlm.Sampling;

/// <summary>
/// The tokens that may still be chosen, and their logits. At first the whole vocabulary, token i at index i; a cut moves what stays to
/// the front, in place.
/// </summary>
internal ref struct Candidates(Span<float> logits, SamplerScratch scratch)
{
    private readonly Span<float> _logits = logits;
    private bool _hasIds;

    /// <summary>How many there are; at least 1.</summary>
    public int Count { get; private set; } = logits.Length;

    /// <summary>Whether they stand in order, the most probable first.</summary>
    public bool IsSorted { get; private set; }

    /// <summary>[Count]</summary>
    public readonly Span<float> Logits => _logits[..Count];

    /// <summary>Whether no cut has been made yet, so that token i stands at index i.</summary>
    public readonly bool IsWhole => !_hasIds;

    /// <summary>[Count] token ids.</summary>
    public Span<int> Ids
    {
        get
        {
            if (!_hasIds)
                NameFirst(Count);
            return scratch.Ids.AsSpan(0, Count);
        }
    }

    public readonly SamplerScratch Scratch => scratch;

    /// <summary>The token at an index.</summary>
    public readonly int Id(int index) => _hasIds ? scratch.Ids[index] : index;

    /// <summary>ln Σ exp(logit): a token's probability is exp(logit − LogSum).</summary>
    public readonly float LogSum()
    {
        var most = Most();
        return most + (float)Math.Log(Weights(most, out _));
    }

    /// <summary>The probabilities but for a common factor, exp(logit − most).</summary>
    /// <param name="most">The greatest logit.</param>
    /// <param name="weights">[Count], in the scratch.</param>
    /// <returns>Their sum.</returns>
    public readonly double Weights(float most, out Span<float> weights)
    {
        weights = scratch.Values.AsSpan(0, Count);
        TensorPrimitives.Subtract(Logits, most, weights);
        TensorPrimitives.Exp(weights, weights);
        return TensorPrimitives.Sum<float>(weights);
    }

    /// <summary>The greatest logit.</summary>
    public readonly float Most() => IsSorted ? _logits[0] : TensorPrimitives.Max(Logits);

    /// <summary>Keeps the tokens with at least this logit; if there is none, the most probable one.</summary>
    public void KeepFrom(float least)
    {
        if (!(least <= Most()))
            least = Most();
        var ids = Ids;
        var kept = 0;
        for (var i = 0; i < ids.Length; i++)
            if (_logits[i] >= least)
            {
                _logits[kept] = _logits[i];
                ids[kept++] = ids[i];
            }
        Count = kept;
    }

    /// <summary>Keeps the tokens at these indices, which must ascend.</summary>
    public void KeepAt(ReadOnlySpan<int> indices)
    {
        Debug.Assert(indices.Length > 0);
        var ids = Ids;
        for (var i = 0; i < indices.Length; i++)
        {
            _logits[i] = _logits[indices[i]];
            ids[i] = ids[indices[i]];
        }
        Count = indices.Length;
    }

    /// <summary>Keeps the first tokens.</summary>
    public void KeepFirst(int count)
    {
        Debug.Assert(count > 0);
        if (!_hasIds)
            NameFirst(count);
        Count = count;
    }

    /// <summary>Declares that the first <paramref name="count"/> entries, whose ids the caller has set, are all there is, in order.</summary>
    public void SetSorted(int count)
    {
        _hasIds = true;
        IsSorted = true;
        Count = count;
    }

    /// <summary>Puts the most probable first.</summary>
    public void Sort()
    {
        if (IsSorted)
            return;
        var ids = Ids;
        Logits.Sort(ids);
        Logits.Reverse();
        ids.Reverse();
        IsSorted = true;
    }

    /// <summary>Draws an index with the probabilities that the logits say.</summary>
    /// <param name="random">Where the chance comes from.</param>
    /// <param name="probability">Of the index drawn.</param>
    public readonly int Draw(Xoshiro256 random, out double probability)
    {
        var sum = Weights(Most(), out var weights);
        var target = random.NextDouble() * sum;
        var index = 0;
        var reached = 0.0;
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] <= 0)
                continue;
            index = i;                                          // rounding may leave the target just beyond the last one
            reached += weights[i];
            if (reached > target)
                break;
        }
        probability = weights[index] / sum;
        return index;
    }

    private void NameFirst(int count)
    {
        var ids = scratch.Ids;
        for (var i = 0; i < count; i++)
            ids[i] = i;
        _hasIds = true;
    }
}
