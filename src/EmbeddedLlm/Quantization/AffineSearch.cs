namespace EmbeddedLlm.Quantization;

/// <summary>
/// Finds scales, minimums and quants of a super-block that come close to the least weighted squared error. First each group alone:
/// several roundings are tried, and for each the best scale and minimum follow by least squares. Then all groups together:
/// scales and minimums become multiples of the block's factors, neighbouring multiples are tried, and the factors are fitted again to what was chosen.
/// </summary>
internal static class AffineSearch
{
    /// <summary>Rounds over all groups; the first that does not help is the last.</summary>
    private const int Rounds = 4;

    /// <summary>
    /// Fills <paramref name="groups"/>: <c>value ≈ Scale · GroupScales[g] · q − MinScale · GroupMins[g]</c> with q in 0 … maxQuant,
    /// group scales and minimums in 0 … maxScale. What <paramref name="importance"/> is empty for counts alike.
    /// </summary>
    public static void Run(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, int groupLength, int maxQuant, int maxScale, ref Groups groups)
    {
        var weights = Importance.OrOnes(importance, stackalloc float[values.Length]);
        var count = values.Length / groupLength;
        Span<float> wantedScales = stackalloc float[count];
        Span<float> wantedMins = stackalloc float[count];
        for (var g = 0; g < count; g++)
            (wantedScales[g], wantedMins[g]) = BestLine(values.Slice(g * groupLength, groupLength), weights.Slice(g * groupLength, groupLength), maxQuant);

        Span<sbyte> scales = stackalloc sbyte[count];
        Span<byte> mins = stackalloc byte[count];
        var factor = Rounding.ToHalf(Extremes.Farthest(wantedScales) / maxScale);
        var minFactor = Rounding.ToHalf(Extremes.Farthest(wantedMins) / maxScale);
        for (var g = 0; g < count; g++)
        {
            scales[g] = (sbyte)Rounding.Multiple(wantedScales[g], factor, 0, maxScale);
            mins[g] = (byte)Rounding.Multiple(wantedMins[g], minFactor, 0, maxScale);
        }

        (groups.Scale, groups.MinScale) = (0, 0);
        groups.GroupScales[..count].Clear();
        groups.GroupMins[..count].Clear();
        var leastError = double.PositiveInfinity;
        for (var round = 0; round < Rounds; round++)
        {
            var error = 0d;
            var equations = default(Equations);
            for (var g = 0; g < count; g++)
            {
                var best = Choose(values.Slice(g * groupLength, groupLength), weights.Slice(g * groupLength, groupLength), factor, minFactor, ref scales[g], ref mins[g], maxQuant, maxScale);
                error += best.Error;
                equations.Add(best.Sums, scales[g], mins[g]);
            }

            if (!(error < leastError))
                break;
            leastError = error;
            (groups.Scale, groups.MinScale) = (factor, minFactor);
            scales.CopyTo(groups.GroupScales);
            mins.CopyTo(groups.GroupMins);
            (factor, minFactor) = equations.Solve(factor, minFactor);
        }

        for (var i = 0; i < values.Length; i++)
        {
            var inverse = Extremes.Inverse(groups.Scale * groups.GroupScales[i / groupLength]);
            var min = groups.MinScale * groups.GroupMins[i / groupLength];
            groups.Quants[i] = (byte)Rounding.Nearest((values[i] + min) * inverse, 0, maxQuant);
        }
    }

    /// <summary>The scale, the minimum (of either sign) and the quants of a block that is one group.</summary>
    public static (Half Scale, Half Min) RunOne(ReadOnlySpan<float> values, ReadOnlySpan<float> weights, int maxQuant, Span<byte> quants)
    {
        var line = BestLine(values, weights, maxQuant, isMinSigned: true);
        var (scale, min) = (Rounding.ToHalf(line.Scale), Rounding.ToHalf(line.Min));
        var inverse = Extremes.Inverse(scale);
        for (var i = 0; i < values.Length; i++)
            quants[i] = (byte)Rounding.Nearest((values[i] + min) * inverse, 0, maxQuant);
        return ((Half)scale, (Half)min);
    }

    /// <summary>The scale and the minimum of a group by itself; the minimum is not negative unless <paramref name="isMinSigned"/>.</summary>
    private static (float Scale, float Min) BestLine(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, int maxQuant, bool isMinSigned = false)
    {
        var (low, high) = Extremes.Range(group);
        low = isMinSigned ? low : Math.Min(low, 0);
        var bestLine = (Scale: 0f, Min: -low);
        if (!(high > low))
            return bestLine;

        var least = float.PositiveInfinity;
        for (var step = -10; step <= 4; step += 2)
        {
            // Quants follow from a line, the best line follows from quants, twice.
            var line = (Scale: (high - low) / (maxQuant + step * 0.1f), Min: -low);
            for (var turn = 0; turn < 2; turn++)
            {
                var sums = Measure(group, weights, line.Scale, line.Min, maxQuant).Sums;
                line = sums.BestLine(line, isMinSigned);
            }

            var error = Measure(group, weights, line.Scale, line.Min, maxQuant).Error;
            if (error < least)
                (least, bestLine) = (error, line);
        }

        return bestLine;
    }

    /// <summary>Changes <paramref name="scale"/> by at most one, and <paramref name="min"/> with it, to what fits the group best.</summary>
    private static Fit Choose(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, float factor, float minFactor, ref sbyte scale, ref byte min, int maxQuant, int maxScale)
    {
        var best = new Fit(float.PositiveInfinity, default);
        var (low, high) = (Math.Max(scale - 1, 0), Math.Min(scale + 1, maxScale));
        var nearMin = min;
        for (var candidate = low; candidate <= high; candidate++)
        {
            var fit = Measure(group, weights, factor * candidate, minFactor * nearMin, maxQuant);
            var fittedMin = nearMin;

            // For these quants another minimum may be better.
            var otherMin = (byte)Rounding.Multiple(fit.Sums.BestMin(factor * candidate), minFactor, 0, maxScale);
            if (otherMin != nearMin && Measure(group, weights, factor * candidate, minFactor * otherMin, maxQuant) is var other && other.Error < fit.Error)
                (fit, fittedMin) = (other, otherMin);
            if (fit.Error < best.Error)
                (best, scale, min) = (fit, (sbyte)candidate, fittedMin);
        }

        return best;
    }

    private static Fit Measure(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, float scale, float min, int maxQuant)
    {
        var inverse = Extremes.Inverse(scale);
        var (error, sum, sumX, sumQ, sumXQ, sumQQ) = (0f, 0f, 0f, 0f, 0f, 0f);
        for (var i = 0; i < group.Length; i++)
        {
            var (value, weight) = (group[i], weights[i]);
            var q = Rounding.Nearest((value + min) * inverse, 0, maxQuant);
            var difference = value - (scale * q - min);
            error += weight * difference * difference;
            sum += weight;
            sumX += weight * value;
            sumQ += weight * q;
            sumXQ += weight * value * q;
            sumQQ += weight * q * q;
        }

        return new Fit(error, new Sums(sum, sumX, sumQ, sumXQ, sumQQ));
    }

    /// <summary>Squared error Σ w·(x − scale·q + min)² and the sums that say how to do better.</summary>
    private readonly record struct Fit(float Error, Sums Sums);

    /// <summary>Weighted sums over values x and quants q of a group.</summary>
    private readonly record struct Sums(float Count, float X, float Q, float XQ, float QQ)
    {
        /// <summary>The minimum that is best for these quants and a scale.</summary>
        public float BestMin(float scale) => (scale * Q - X) / Count;

        /// <summary>The line through (q, x) by least squares, with a minimum that is not negative unless it may be; <paramref name="fallback"/> where all q are equal.</summary>
        public (float Scale, float Min) BestLine((float Scale, float Min) fallback, bool isMinSigned)
        {
            var determinant = (double)Count * QQ - (double)Q * Q;
            if (determinant <= 0)
                return fallback;
            var scale = (Count * (double)XQ - (double)X * Q) / determinant;
            var min = ((double)Q * XQ - (double)QQ * X) / determinant;
            return min >= 0 || isMinSigned ? ((float)scale, (float)min) : (XQ / QQ, 0);
        }
    }

    /// <summary>
    /// The normal equations of Σ (x − d·a + m·b)² with a = group scale · q and b = group minimum:
    /// Σxa = d·Σaa − m·Σab and Σxb = d·Σab − m·Σbb.
    /// </summary>
    private struct Equations
    {
        private double _xa, _xb, _aa, _ab, _bb;

        public void Add(Sums sums, int scale, int min)
        {
            _xa += (double)scale * sums.XQ;
            _xb += (double)min * sums.X;
            _aa += (double)scale * scale * sums.QQ;
            _ab += (double)scale * min * sums.Q;
            _bb += (double)min * min * sums.Count;
        }

        public readonly (float Factor, float MinFactor) Solve(float factor, float minFactor)
        {
            var determinant = _aa * _bb - _ab * _ab;
            var (d, m) = determinant > 0
                ? ((_xa * _bb - _xb * _ab) / determinant, (_xa * _ab - _xb * _aa) / determinant)
                : (_aa > 0 ? _xa / _aa : factor, minFactor);
            return (Rounding.ToHalf(d), Rounding.ToHalf(m));
        }
    }
}
