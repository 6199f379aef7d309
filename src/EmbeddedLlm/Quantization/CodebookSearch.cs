namespace EmbeddedLlm.Quantization;

/// <summary>
/// Finds scales and codes of a block whose groups are rounded by a <see cref="Codebook"/>, close to the least weighted squared error. First each group alone:
/// several scales are tried, and for each choice of levels the best scale follows by least squares. Then all groups together: their scales become
/// multiples of the block's factor, neighbouring multiples are tried, and the factor is fitted again to what was chosen.
/// </summary>
/// <param name="codebook">How a group is rounded.</param>
/// <param name="groupLength">Numbers to a group.</param>
/// <param name="scales">What the groups' scales can be.</param>
/// <param name="unit">The block stores its factor in these units, as a half.</param>
internal sealed class CodebookSearch(Codebook codebook, int groupLength, ScaleSet scales, float unit = 1)
{
    /// <summary>Rounds over all groups; the first that does not help is the last.</summary>
    private const int Rounds = 4;

    /// <summary>
    /// Finds <c>value ≈ stored · unit · scale · level</c> and returns what is stored.
    /// </summary>
    /// <param name="values">The numbers of a block.</param>
    /// <param name="importance">How much the squared error of each counts; or empty, where all count alike.</param>
    /// <param name="groupScales">[groups]</param>
    /// <param name="codes">[values / <see cref="Codebook.CodeLength"/>]</param>
    public Half Run(ReadOnlySpan<float> values, ReadOnlySpan<float> importance, Span<int> groupScales, Span<int> codes)
    {
        var weights = Importance.OrOnes(importance, stackalloc float[values.Length]);
        var count = values.Length / groupLength;
        var scratch = new Scratch { Scaled = stackalloc float[groupLength], Levels = stackalloc float[groupLength], Codes = stackalloc int[groupLength / codebook.CodeLength] };
        Span<float> wanted = stackalloc float[count];
        for (var g = 0; g < count; g++)
            wanted[g] = BestScale(values.Slice(g * groupLength, groupLength), weights.Slice(g * groupLength, groupLength), scratch);

        Span<int> tried = stackalloc int[count];
        var factor = Stored(Extremes.Farthest(wanted) / scales.Farthest);
        for (var g = 0; g < count; g++)
            tried[g] = scales.Nearest(wanted[g], factor);

        var bestFactor = 0f;
        groupScales.Fill(scales.Nearest(0, 0));
        var leastError = double.PositiveInfinity;
        for (var round = 0; round < Rounds; round++)
        {
            // The best factor for the chosen levels q and group scales s is Σ w·x·s·q / Σ w·(s·q)².
            var (error, products, squares) = (0d, 0d, 0d);
            for (var g = 0; g < count; g++)
            {
                var best = Choose(values.Slice(g * groupLength, groupLength), weights.Slice(g * groupLength, groupLength), factor, ref tried[g], scratch);
                error += best.Error;
                products += (double)best.Products * tried[g];
                squares += (double)best.Squares * tried[g] * tried[g];
            }

            if (!(error < leastError))
                break;
            leastError = error;
            bestFactor = factor;
            tried.CopyTo(groupScales);
            if (squares > 0)
                factor = Stored(products / squares);
        }

        for (var g = 0; g < count; g++)
        {
            Measure(values.Slice(g * groupLength, groupLength), weights.Slice(g * groupLength, groupLength), bestFactor * groupScales[g], scratch);
            scratch.Codes.CopyTo(codes[(g * scratch.Codes.Length)..]);
        }

        return (Half)(bestFactor / unit);
    }

    private float Stored(double factor) => Rounding.ToHalf(factor / unit) * unit;

    /// <summary>
    /// The scale of a group by itself. The number farthest from zero is tried at places around the outermost levels; where nothing is near them,
    /// farther inside. Of scales that do equally well the smaller one wins, so that the block's factor, which the largest scale decides, stays fine.
    /// </summary>
    private float BestScale(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, Scratch scratch)
    {
        var farthest = Extremes.Farthest(group);
        if (farthest == 0)
            return 0;

        var (bestScale, bestGain) = (0f, 0f);
        var (first, last, step) = codebook.CodeLength == 1 ? (1.16f, 0.8f, 0.02f) : (1.35f, 0.6f, 0.05f);
        for (var place = first; place > last; place -= step)
        {
            if (scales.IsSigned)
            {
                Try(codebook.Lowest * place / farthest, group, weights, scratch);
                Try(codebook.Highest * place / farthest, group, weights, scratch);
            }
            else
            {
                Try(codebook.Highest * place / MathF.Abs(farthest), group, weights, scratch);
            }
        }

        return bestScale;

        void Try(float inverse, ReadOnlySpan<float> group, ReadOnlySpan<float> weights, Scratch scratch)
        {
            // With the best scale Σ wxq / Σ wq² the squared error is Σ wx² less this gain.
            var fit = Measure(group, weights, 1 / inverse, scratch);
            var gain = fit.Products * fit.Products / fit.Squares;
            if (gain > bestGain * 1.000001f && (scales.IsSigned || fit.Products > 0))
                (bestScale, bestGain) = (fit.Products / fit.Squares, gain);
        }
    }

    /// <summary>Changes <paramref name="scale"/> by at most one step to what fits the group best.</summary>
    private Fit Choose(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, float factor, ref int scale, Scratch scratch)
    {
        var best = new Fit(float.PositiveInfinity, 0, 0);
        var (low, high) = (Math.Max(scale - scales.Step, scales.Low), Math.Min(scale + scales.Step, scales.High));
        for (var candidate = low; candidate <= high; candidate += scales.Step)
        {
            var fit = Measure(group, weights, factor * candidate, scratch);
            if (fit.Error < best.Error)
                (best, scale) = (fit, candidate);
        }

        return best;
    }

    private Fit Measure(ReadOnlySpan<float> group, ReadOnlySpan<float> weights, float scale, Scratch scratch)
    {
        var inverse = Extremes.Inverse(scale);
        for (var i = 0; i < group.Length; i++)
            scratch.Scaled[i] = group[i] * inverse;
        codebook.Round(scratch.Scaled, weights, scratch.Levels, scratch.Codes);

        var (error, products, squares) = (0f, 0f, 0f);
        for (var i = 0; i < group.Length; i++)
        {
            var q = scratch.Levels[i];
            var difference = group[i] - scale * q;
            error += weights[i] * difference * difference;
            products += weights[i] * group[i] * q;
            squares += weights[i] * q * q;
        }

        return new Fit(error, products, squares);
    }

    /// <summary>Squared error Σ w·(x − scale·q)², and Σ wxq and Σ wq².</summary>
    private readonly record struct Fit(float Error, float Products, float Squares);

    /// <summary>Memory for one group.</summary>
    private ref struct Scratch
    {
        public Span<float> Scaled;
        public Span<float> Levels;
        public Span<int> Codes;
    }
}
