using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;

namespace EmbeddedLlm.Sampling;

/// <summary>
/// Chooses tokens for one request. It keeps the request's random numbers, so equal options, seed, logits and history give equal tokens.
/// </summary>
internal sealed class Sampler
{
    private readonly ImmutableArray<ILogitsProcessor> _shapes;      // on every token of the vocabulary
    private readonly ImmutableArray<ILogitsProcessor> _cuts;
    private readonly Mirostat? _mirostat;
    private readonly Xoshiro256 _random;
    private readonly bool _isGreedy;

    public Sampler(SamplingOptions options, long seed)
    {
        _random = new(seed);
        _isGreedy = options.Temperature == 0;
        _mirostat = options.MirostatTau > 0 ? new(options.MirostatTau, options.MirostatEta) : null;
        _shapes = Shapes(options);
        _cuts = _isGreedy ? [] : Cuts(options, _random);
    }

    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">[vocabulary]; overwritten.</param>
    /// <param name="history">All tokens so far, prompt included.</param>
    /// <param name="scratch">Buffers, as long as the vocabulary.</param>
    /// <param name="mask">One bit for each token that may be chosen, token i in word i / 64; empty for all.</param>
    /// <exception cref="LlmException">The logits are not numbers, or every token is forbidden.</exception>
    public int Sample(Span<float> logits, ReadOnlySpan<int> history, SamplerScratch scratch, ReadOnlySpan<ulong> mask = default)
    {
        if (!mask.IsEmpty)
            Forbid(logits, mask);
        var candidates = new Candidates(logits, scratch);
        foreach (var shape in _shapes)
            shape.Apply(ref candidates, history);

        var most = candidates.Most();
        if (!float.IsFinite(most))
            throw Unusable(most);
        if (_isGreedy)
            return FirstOf(most, logits);

        foreach (var cut in _cuts)
            cut.Apply(ref candidates, history);
        return candidates.Id(_mirostat is null ? candidates.Draw(_random, out _) : _mirostat.Draw(ref candidates, _random));
    }

    private static void Forbid(Span<float> logits, ReadOnlySpan<ulong> mask)
    {
        for (var word = 0; word < mask.Length; word++)
        {
            var part = logits[(64 * word)..Math.Min(64 * word + 64, logits.Length)];
            if (mask[word] == 0)
            {
                part.Fill(float.NegativeInfinity);
                continue;
            }
            for (var forbidden = ~mask[word]; forbidden != 0; forbidden &= forbidden - 1)
            {
                var bit = BitOperations.TrailingZeroCount(forbidden);
                if (bit >= part.Length)
                    break;
                part[bit] = float.NegativeInfinity;
            }
        }
    }

    // By its bits, which is quicker than as a number.
    private static int FirstOf(float logit, ReadOnlySpan<float> logits)
        => MemoryMarshal.Cast<float, int>(logits).IndexOf(BitConverter.SingleToInt32Bits(logit));

    private static ImmutableArray<ILogitsProcessor> Shapes(SamplingOptions options)
    {
        var shapes = ImmutableArray.CreateBuilder<ILogitsProcessor>();
        if (options.LogitBias is { Count: > 0 } bias)
            shapes.Add(new LogitBias(bias));
        if (options.PenaltyWindow > 0 && (options.RepetitionPenalty, options.FrequencyPenalty, options.PresencePenalty) != (1, 0, 0))
            shapes.Add(new Penalties(options.PenaltyWindow, options.RepetitionPenalty, options.FrequencyPenalty, options.PresencePenalty));
        if (options.DryMultiplier > 0)
            shapes.Add(new Dry(options.DryMultiplier, options.DryBase, options.DryAllowedLength, options.DryWindow, options.DryBreakers));
        return shapes.ToImmutable();
    }

    private static ImmutableArray<ILogitsProcessor> Cuts(SamplingOptions options, Xoshiro256 random)
    {
        var temperature = new Temperature(options.Temperature);
        if (options.MirostatTau > 0)
            return [temperature];

        var cuts = ImmutableArray.CreateBuilder<ILogitsProcessor>();
        if (options.TopK > 0)
            cuts.Add(new TopK(options.TopK));
        if (options.TypicalP < 1)
            cuts.Add(new TypicalP(options.TypicalP));
        if (options.TopP < 1)
            cuts.Add(new TopP(options.TopP, options.MinP));
        if (options.MinP > 0)
            cuts.Add(new MinP(options.MinP));
        if (options is { XtcProbability: > 0, XtcThreshold: <= 0.5f })
            cuts.Add(new Xtc(options.XtcProbability, options.XtcThreshold, random));
        cuts.Add(temperature);
        return cuts.ToImmutable();
    }

    private static LlmException Unusable(float logit) => float.IsNegativeInfinity(logit)
        ? new("No token can be chosen: every one is forbidden, its logit is negative infinity.")
        : new($"No token can be chosen: a logit is {logit}. The model's weights are damaged, or a bias or penalty is too large.");
}
