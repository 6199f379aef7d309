using System.Diagnostics;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Sampling;

/// <summary>
/// The tokens that may still be chosen, and their logits. At first the whole vocabulary, token i at index i; a cut moves what stays to
/// the front, in place. Until they are sorted, ids ascend.
/// </summary>
internal ref struct Candidates(Span<float> logits, SamplerScratch scratch)
{
    // So many numbers are worked on at a time, and stay in the nearest cache meanwhile.
    private const int Part = SamplerScratch.Part;

    // From here on sorting costs more than a draw that looks for its place.
    private const int MostToSort = 512;

    private readonly Span<float> _logits = logits;
    private bool _hasIds;
    private bool _isRanked;
    private float _most = float.NaN;            // once asked for
    private double _sum = double.NaN;           // of the weights in the scratch, while they are those of the logits

    /// <summary>How many there are; at least 1.</summary>
    public int Count { get; private set; } = logits.Length;

    /// <summary>Whether they stand in order, the most probable first; of equals the one with the lower id.</summary>
    public bool IsSorted { get; private set; }

    /// <summary>[Count]. Who changes one, changes it before <see cref="Most"/> is asked for.</summary>
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
    public float LogSum() => Most() + (float)Math.Log(Weights(out _));

    /// <summary>The probabilities but for a common factor, exp(logit − most).</summary>
    /// <param name="weights">[Count], in the scratch.</param>
    /// <returns>Their sum; the scratch has the sum of each part.</returns>
    public double Weights(out ReadOnlySpan<float> weights)
    {
        weights = scratch.Values.AsSpan(0, Count);
        if (!double.IsNaN(_sum))
            return _sum;

        var most = Most();
        var sum = 0.0;
        for (var start = 0; start < Count; start += Part)
        {
            var length = Math.Min(Part, Count - start);
            var values = scratch.Values.AsSpan(start, length);
            TensorPrimitives.Subtract(_logits.Slice(start, length), most, values);
            TensorPrimitives.Exp(values, values);
            sum += scratch.Sums[start / Part] = TensorPrimitives.Sum<float>(values);
        }

        return _sum = sum;
    }

    /// <summary>The greatest logit; NaN if one is.</summary>
    public float Most()
    {
        if (float.IsNaN(_most))
            _most = IsSorted ? _logits[0] : TensorPrimitives.Max(Logits);
        return _most;
    }

    /// <summary>Measures the logits from the greatest one, which nothing can make overflow, and divides them.</summary>
    public void Divide(float divisor)
    {
        var most = Most();
        for (var start = 0; start < Count; start += Part)
        {
            var part = _logits.Slice(start, Math.Min(Part, Count - start));
            TensorPrimitives.Subtract(part, most, part);
            TensorPrimitives.Divide(part, divisor, part);
        }

        (_most, _sum) = (0, double.NaN);
    }

    /// <summary>Keeps the tokens with at least this logit; if there is none, the most probable one.</summary>
    public void KeepFrom(float least)
    {
        if (!(least <= Most()))
            least = Most();
        var logits = Logits;
        var ids = scratch.Ids;
        var kept = 0;
        var next = 0;
        for (; next <= logits.Length - Vector256<float>.Count; next += Vector256<float>.Count)
        {
            var stay = Vector256.GreaterThanOrEqual(Vector256.Create<float>(logits[next..]), Vector256.Create(least));
            if (stay == Vector256<float>.Zero)
                continue;
            for (var bits = stay.ExtractMostSignificantBits(); bits != 0; bits &= bits - 1)
                Keep(next + BitOperations.TrailingZeroCount(bits), kept++, logits, ids);
        }

        for (; next < logits.Length; next++)
            if (logits[next] >= least)
                Keep(next, kept++, logits, ids);
        _hasIds = true;
        _sum = double.NaN;
        Count = kept;
    }

    /// <summary>Keeps the tokens at these indices, which must ascend.</summary>
    public void KeepAt(ReadOnlySpan<int> indices)
    {
        Debug.Assert(indices.Length > 0);
        for (var i = 0; i < indices.Length; i++)
            Keep(indices[i], i, _logits, scratch.Ids);
        _hasIds = true;
        (_most, _sum) = (float.NaN, double.NaN);
        Count = indices.Length;
    }

    /// <summary>Keeps the first tokens of sorted ones.</summary>
    public void KeepFirst(int count)
    {
        Debug.Assert(count > 0 && IsSorted);
        _sum = double.NaN;
        Count = count;
    }

    /// <summary>
    /// Keeps the fewest of the most probable tokens whose weights together exceed <paramref name="target"/>; all, if all do not.
    /// From now on a draw goes through the tokens in order of their probability.
    /// </summary>
    public void KeepTop(double target)
    {
        _isRanked = true;
        if (Count <= MostToSort)
            Sort();

        var sum = Weights(out var weights);
        if (sum <= target)
            return;
        if (IsSorted)
        {
            KeepFirst(IndexAt(weights, target) + 1);
            return;
        }

        var last = TopMass.Find(Logits, weights, target, sum, Most(), scratch);
        var (least, lastOfEquals) = (_logits[last], Id(last));
        KeepFrom(least);
        var kept = 0;
        for (var i = 0; i < Count; i++)
            if (_logits[i] > least || scratch.Ids[i] <= lastOfEquals)
                Keep(i, kept++, _logits, scratch.Ids);
        Count = kept;
        if (Count <= MostToSort)
            Sort();
    }

    /// <summary>Declares that the first <paramref name="count"/> entries, whose ids the caller has set, are all there is, in order.</summary>
    public void SetSorted(int count)
    {
        _hasIds = true;
        IsSorted = true;
        _sum = double.NaN;
        Count = count;
    }

    /// <summary>Puts the most probable first.</summary>
    public void Sort()
    {
        if (IsSorted)
            return;
        var ids = Ids;
        var keys = scratch.Keys(Count);
        for (var i = 0; i < keys.Length; i++)
            keys[i] = SortKey.Of(_logits[i], ids[i]);
        keys.Sort();
        for (var i = 0; i < keys.Length; i++)
            (_logits[i], ids[i]) = (SortKey.Logit(keys[i]), SortKey.Index(keys[i]));
        IsSorted = true;
        _sum = double.NaN;
    }

    /// <summary>Draws an index with the probabilities that the logits say.</summary>
    /// <param name="random">Where the chance comes from.</param>
    /// <param name="probability">Of the index drawn.</param>
    public int Draw(Xoshiro256 random, out double probability)
    {
        var sum = Weights(out var weights);
        var target = random.NextDouble() * sum;
        var index = _isRanked && !IsSorted ? TopMass.Find(Logits, weights, target, sum, Most(), scratch) : IndexAt(weights, target);
        probability = weights[index] / sum;
        return index;
    }

    // The first index up to which the weights, as they stand, exceed the target; if rounding leaves it beyond all of them, the last that is not 0.
    private readonly int IndexAt(ReadOnlySpan<float> weights, double target)
    {
        var (first, before) = (0, 0.0);                         // where the part begins that holds the index, and the sum of those before it
        var reached = 0.0;
        for (var start = 0; start < weights.Length && reached <= target; start += Part)
        {
            var sum = scratch.Sums[start / Part];
            if (sum <= 0)
                continue;
            (first, before) = (start, reached);
            reached += sum;
        }

        var index = first;
        for (var i = first; i < Math.Min(first + Part, weights.Length) && before <= target; i++)
        {
            if (weights[i] <= 0)
                continue;
            index = i;
            before += weights[i];
        }

        return index;
    }

    private readonly void Keep(int from, int to, Span<float> logits, int[] ids)
    {
        ids[to] = _hasIds ? ids[from] : from;
        logits[to] = logits[from];
    }

    private void NameFirst(int count)
    {
        var ids = scratch.Ids;
        for (var i = 0; i < count; i++)
            ids[i] = i;
        _hasIds = true;
    }
}
