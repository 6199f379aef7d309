using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>
/// How rotary frequencies are stretched for contexts longer than the pre-training's: not at all, linearly (Chen et al. 2023, arXiv 2306.15595),
/// by YaRN (Peng et al. 2023, arXiv 2309.00071), or each pair by a factor of its own, one set for short and one for long contexts
/// (LongRoPE, Ding et al. 2024, arXiv 2402.13753). All of it ends in one frequency per pair and one magnitude.
/// </summary>
internal sealed record RopeScaling
{
    private const int MaxContext = 1 << 30;

    /// <summary>Context is stretched by this factor; 1 for none.</summary>
    public double Factor { get; init; } = 1;

    public bool IsYarn { get; init; }

    /// <summary>Whether tensors hold a factor for each pair, for contexts up to <see cref="OriginalContextLength"/> and for longer ones.</summary>
    public bool HasFactors { get; init; }

    /// <summary>Positions of the pre-training; YaRN counts the turns of a pair over them.</summary>
    public int OriginalContextLength { get; init; }

    /// <summary>Pairs with more turns than this keep their frequency.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>Pairs with fewer turns than this are stretched fully.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>Where it is not 0, the magnitude is divided by <c>1 + 0.1 · LogMultiplier · ln(Factor)</c>, as DeepSeek's variant of YaRN has it.</summary>
    public double LogMultiplier { get; init; }

    /// <summary>Multiplies the magnitude, whatever the kind.</summary>
    public double MagnitudeFactor { get; init; } = 1;

    public static RopeScaling Read(Hyperparameters keys, int contextLength)
    {
        var factor = keys.Number("rope.scaling.factor", 0, 1e6f, fallback: keys.Number("rope.scale_linear", 0, 1e6f, fallback: 1));
        var scaling = new RopeScaling
        {
            Factor = factor == 0 ? 1 : factor,
            OriginalContextLength = keys.Count("rope.scaling.original_context_length", 1, MaxContext, fallback: contextLength),
            MagnitudeFactor = keys.Number("rope.scaling.attn_factor", 1e-6f, 1e6f, fallback: 1),
        };
        return keys.Text("rope.scaling.type", "linear") switch
        {
            "none" => scaling with { Factor = 1 },
            "linear" => scaling,
            "longrope" => scaling with { Factor = 1, HasFactors = true },
            "yarn" => scaling with
            {
                IsYarn = true,
                BetaFast = keys.Number("rope.scaling.yarn_beta_fast", 1e-6f, 1e6f, fallback: 32),
                BetaSlow = keys.Number("rope.scaling.yarn_beta_slow", 1e-6f, 1e6f, fallback: 1),
                LogMultiplier = keys.Number("rope.scaling.yarn_log_multiplier", 0, 1e6f, fallback: 0),
            },
            var other => throw new UnsupportedModelException($"{keys.File.Path}: rope scaling '{other}' is not supported. Supported: none, linear, yarn, longrope."),
        };
    }

    /// <summary>The frequencies of the pairs of a head.</summary>
    /// <param name="pairing">Which numbers form a pair.</param>
    /// <param name="frequencyBase">Pair i of n has the frequency <c>base^(−i/n)</c> before scaling.</param>
    /// <param name="width">Numbers of a head that are turned; 2n.</param>
    /// <param name="divisors">[n] each divides its pair's frequency (Llama 3.1's <c>rope_freqs</c>), or none.</param>
    public RopeSpec Resolve(RopePairing pairing, double frequencyBase, int width, float[]? divisors)
    {
        var pairs = width / 2;
        var frequencies = ImmutableArray.CreateBuilder<double>(pairs);
        for (var pair = 0; pair < pairs; pair++)
        {
            var frequency = Math.Pow(frequencyBase, -(double)pair / pairs) / (divisors?[pair] ?? 1.0);
            var kept = IsYarn ? Kept(pair, frequencyBase, width) : 0;
            frequencies.Add(frequency * (kept + (1 - kept) / Factor));
        }

        return new RopeSpec(pairing, frequencies.MoveToImmutable(), (float)Magnitude());
    }

    // 1 for pairs that turn often in the original context, 0 for those that turn little, a straight line between them (YaRN, section 3.2).
    private double Kept(int pair, double frequencyBase, int width)
    {
        var first = Math.Max(0, Math.Floor(PairWithTurns(BetaFast, frequencyBase, width)));
        var last = Math.Min(width - 1, Math.Ceiling(PairWithTurns(BetaSlow, frequencyBase, width)));
        return 1 - Math.Clamp((pair - first) / Math.Max(0.001, last - first), 0, 1);
    }

    // The (fractional) pair that makes so many turns: original · base^(−2i/width) = 2π · turns, solved for i.
    private double PairWithTurns(double turns, double frequencyBase, int width) =>
        width * Math.Log(OriginalContextLength / (turns * 2 * Math.PI)) / (2 * Math.Log(frequencyBase));

    private double Magnitude()
    {
        if (!IsYarn || Factor <= 1)
            return MagnitudeFactor;
        return MagnitudeFactor * (1 + 0.1 * Math.Log(Factor)) / (1 + 0.1 * LogMultiplier * Math.Log(Factor));
    }
}
