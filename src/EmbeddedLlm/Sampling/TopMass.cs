using System.Numerics;
using System.Runtime.Intrinsics;

namespace EmbeddedLlm.Sampling;

/// <summary>
/// Where, going from the most probable token down, the probabilities reach a sum: found without putting the tokens in order. Halves the range of logits
/// in which the place must lie until few tokens are left in it.
/// </summary>
internal static class TopMass
{
    private const int Few = 256;

    // exp(−110) is 0 in floats: what lies so far below the greatest logit has no weight.
    private const float Weightless = 110;

    /// <summary>
    /// The index of the first token, from the most probable one down (of equals, the lower index first), with which the weights exceed
    /// <paramref name="target"/>; if rounding leaves it beyond all of them, of the last one.
    /// </summary>
    /// <param name="logits">[count]</param>
    /// <param name="weights">[count] exp(logit − most)</param>
    /// <param name="target">The sum to exceed.</param>
    /// <param name="total">The sum of all weights.</param>
    /// <param name="most">The greatest logit.</param>
    /// <param name="scratch">Buffers.</param>
    public static int Find(ReadOnlySpan<float> logits, ReadOnlySpan<float> weights, double target, double total, float most, SamplerScratch scratch)
    {
        // Even all the tokens below this hold no more than half of what may be left out.
        var low = most + (float)Math.Max(Math.Log(Math.Max(total - target, 0) / (2 * logits.Length)), -Weightless);
        var high = MathF.BitIncrement(most);
        var above = 0.0;                                        // the weights from high on
        while (true)
        {
            var middle = low + (high - low) / 2;
            var isOneValue = !(middle > low && middle < high);
            var inRange = Collect(logits, low, high, isOneValue ? logits.Length : Few, scratch);
            if (inRange.Length > 0)
            {
                if (!isOneValue)
                    inRange.Sort();
                return Walk(inRange, weights, above, target);
            }

            var mass = MassFrom(logits, weights, middle);
            if (mass > target)
                low = middle;
            else
                (high, above) = (middle, mass);
        }
    }

    // The keys of the tokens with low ≤ logit < high, by index; none if they are more than wanted.
    private static Span<ulong> Collect(ReadOnlySpan<float> logits, float low, float high, int wanted, SamplerScratch scratch)
    {
        var keys = scratch.Keys(wanted + Vector256<float>.Count);
        var count = 0;
        var next = 0;
        for (; next <= logits.Length - Vector256<float>.Count && count <= wanted; next += Vector256<float>.Count)
        {
            var values = Vector256.Create(logits[next..]);
            var inRange = Vector256.GreaterThanOrEqual(values, Vector256.Create(low)) & Vector256.LessThan(values, Vector256.Create(high));
            if (inRange == Vector256<float>.Zero)
                continue;
            for (var bits = inRange.ExtractMostSignificantBits(); bits != 0; bits &= bits - 1)
            {
                var index = next + BitOperations.TrailingZeroCount(bits);
                keys[count++] = SortKey.Of(logits[index], index);
            }
        }

        for (; next < logits.Length && count <= wanted; next++)
            if (logits[next] >= low && logits[next] < high)
                keys[count++] = SortKey.Of(logits[next], next);
        return count <= wanted ? keys[..count] : [];
    }

    private static int Walk(ReadOnlySpan<ulong> keys, ReadOnlySpan<float> weights, double reached, double target)
    {
        var last = SortKey.Index(keys[0]);
        foreach (var key in keys)
        {
            var index = SortKey.Index(key);
            if (weights[index] <= 0)
                break;
            last = index;
            reached += weights[index];
            if (reached > target)
                break;
        }

        return last;
    }

    // The weights of the tokens with at least this logit. Floats are added in parts, so that the rounding of each is small.
    private static double MassFrom(ReadOnlySpan<float> logits, ReadOnlySpan<float> weights, float least)
    {
        var total = 0.0;
        for (var start = 0; start < logits.Length; start += SamplerScratch.Part)
        {
            var end = Math.Min(start + SamplerScratch.Part, logits.Length);
            var (even, odd) = (Vector256<float>.Zero, Vector256<float>.Zero);
            var i = start;
            for (; i <= end - 2 * Vector256<float>.Count; i += 2 * Vector256<float>.Count)
            {
                even += From(logits, weights, i, least);
                odd += From(logits, weights, i + Vector256<float>.Count, least);
            }

            total += Vector256.Sum(even + odd);
            for (; i < end; i++)
                total += logits[i] >= least ? weights[i] : 0;
        }

        return total;
    }

    private static Vector256<float> From(ReadOnlySpan<float> logits, ReadOnlySpan<float> weights, int start, float least)
        => Vector256.GreaterThanOrEqual(Vector256.Create(logits[start..]), Vector256.Create(least)) & Vector256.Create(weights[start..]);
}
