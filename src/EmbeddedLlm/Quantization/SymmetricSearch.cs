namespace EmbeddedLlm.Quantization;

/// <summary>
/// Finds scales and quants of a super-block without minimums that come close to the least weighted squared error. First each group alone:
/// several roundings are tried, and for each the best scale follows by least squares. Then all groups together: their scales become
/// multiples of the block's factor, neighbouring multiples are tried, and the factor is fitted again to what was chosen.
/// </summary>
internal static class SymmetricSearch
{
    /// <summary>Rounds over all groups; the first that does not help is the last.</summary>
    private const int Rounds = 4;

    /// <summary>
    /// Fills <paramref name="groups"/>: <c>value ≈ Scale · GroupScales[g] · (q − levels)</c> with q in 0 … 2 · levels − 1
    /// and group scales in minScale … −minScale − 1. What <paramref name="importance"/> is empty for counts alike.
    /// </summary>
    public static void Run(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, int groupLength, int levels, int minScale, ref Groups groups)
    {
        var weights = Importance.OrOnes(importance, stackalloc float[values.Length]);
        var count = values.Length / groupLength;
        Span<float> wanted = stackalloc float[count];
        for (var g = 0; g < count; g++)
            wanted[g] = BestScale(values.Slice(g * groupLength, groupLength), weights.Slice(g * groupLength, groupLength), levels);

        Span<sbyte> scales = stackalloc sbyte[count];
        var factor = Rounding.ToHalf(Extremes.Farthest(wanted) / minScale);
        for (var g = 0; g < count; g++)
            scales[g] = (sbyte)Rounding.Multiple(wanted[g], factor, minScale, -minScale - 1);

        groups.Scale = 0;
        groups.GroupScales[..count].Clear();
        var leastError = double.PositiveInfinity;
        for (var round = 0; round < Rounds; round++)
        {
            // The best factor for the chosen quants q and group scales s is Σ w·x·s·q / Σ w·(s·q)².
            var (error, products, squares) = (0d, 0d, 0d);
            for (var g = 0; g < count; g++)
            {
                var best = Choose(values.Slice(g * groupLength, groupLength), weights.Slice(g * groupLength, groupLength), factor, ref scales[g], levels, minScale);
                error += best.Error;
                products += best.Products * scales[g];
                squares += best.Squares * scales[g] * scales[g];
            }

            if (!(error < leastError))
                break;
            leastError = error;
            groups.Scale = factor;
            scales.CopyTo(groups.GroupScales);
            if (squares > 0)
                factor = Rounding.ToHalf(products / squares);
        }

        for (var i = 0; i < values.Length; i++)
        {
            var inverse = Extremes.Inverse(groups.Scale * groups.GroupScales[i / groupLength]);
            groups.Quants[i] = (byte)((int)Rounding.Nearest(values[i] * inverse, -levels, levels - 1) + levels);
        }
    }

    /// <summary>The scale and the quants of a block that is one group.</summary>
    public static Half RunOne(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, int levels, Span<byte> quants)
    {
        var scale = Rounding.ToHalf(BestScale(values, weights, levels));
        var inverse = Extremes.Inverse(scale);
        for (var i = 0; i < values.Length; i++)
            quants[i] = (byte)((int)Rounding.Nearest(values[i] * inverse, -levels, levels - 1) + levels);
        return (Half)scale;
    }

    /// <summary>
    /// The scale of a group by itself. The value farthest from zero is tried at places around −levels, which has no mirror image, and around levels − 1.
    /// Of scales that do equally well the smaller one wins, so that the block's factor, which the largest scale decides, stays fine.
    /// </summary>
    private static float BestScale(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, int levels)
    {
        var farthest = Extremes.Farthest(group);
        if (farthest == 0)
            return 0;

        var (bestScale, bestGain) = (0f, 0f);
        for (var step = 8; step >= -8; step--)
        {
            Try(-(levels + step * 0.1f) / farthest, group, weights);
            Try((levels - 1 + step * 0.1f) / farthest, group, weights);
        }

        return bestScale;

        void Try(float inverse, ReadOnlySpan<float> group, ReadOnlySpan<float> weights)
        {
            var (products, squares) = (0f, 0f);
            for (var i = 0; i < group.Length; i++)
            {
                var q = Rounding.Nearest(group[i] * inverse, -levels, levels - 1);
                products += weights[i] * group[i] * q;
                squares += weights[i] * q * q;
            }

            // With the best scale Σ wxq / Σ wq² the squared error is Σ wx² less this gain.
            var gain = products * products / squares;
            if (gain > bestGain * 1.000001f)
                (bestScale, bestGain) = (products / squares, gain);
        }
    }

    /// <summary>Changes <paramref name="scale"/> by at most one to what fits the group best.</summary>
    private static Fit Choose(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, float factor, ref sbyte scale, int levels, int minScale)
    {
        var best = new Fit(float.PositiveInfinity, 0, 0);
        var (low, high) = (Math.Max(scale - 1, minScale), Math.Min(scale + 1, -minScale - 1));
        for (var candidate = low; candidate <= high; candidate++)
        {
            var fit = Measure(group, weights, factor * candidate, levels);
            if (fit.Error < best.Error)
                (best, scale) = (fit, (sbyte)candidate);
        }

        return best;
    }

    private static Fit Measure(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, float scale, int levels)
    {
        var inverse = Extremes.Inverse(scale);
        var (error, products, squares) = (0f, 0f, 0f);
        for (var i = 0; i < group.Length; i++)
        {
            var q = Rounding.Nearest(group[i] * inverse, -levels, levels - 1);
            var difference = group[i] - scale * q;
            error += weights[i] * difference * difference;
            products += weights[i] * group[i] * q;
            squares += weights[i] * q * q;
        }

        return new Fit(error, products, squares);
    }

    /// <summary>Squared error Σ w·(x − scale·q)², and Σ wxq and Σ wq².</summary>
    private readonly record struct Fit(float Error, float Products, float Squares);
}
