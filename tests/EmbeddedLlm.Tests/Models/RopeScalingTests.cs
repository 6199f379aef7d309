using EmbeddedLlm.Graph;
using EmbeddedLlm.Models;

namespace EmbeddedLlm.Tests.Models;

public sealed class RopeScalingTests
{
    [Fact]
    public void Resolve_WithoutScaling_GivesTheFrequenciesOfThePaper()
    {
        var rope = new RopeScaling().Resolve(RopePairing.Adjacent, 10000, 8, null);
        double[] expected = [1, 0.1, 0.01, 0.001];
        for (var i = 0; i < 4; i++)
            Assert.Equal(expected[i], rope.Frequencies[i], 1e-15);
        Assert.Equal(1, rope.Magnitude);
    }

    [Fact]
    public void Resolve_Linear_DividesAllFrequencies()
    {
        var plain = new RopeScaling().Resolve(RopePairing.Halves, 10000, 16, null);
        var scaled = new RopeScaling { Factor = 4 }.Resolve(RopePairing.Halves, 10000, 16, null);
        Assert.All(plain.Frequencies.Zip(scaled.Frequencies), pair => Assert.Equal(pair.First / 4, pair.Second, 1e-15));
        Assert.Equal(1, scaled.Magnitude);
    }

    [Fact]
    public void Resolve_Divisors_DivideEachPair()
    {
        var rope = new RopeScaling().Resolve(RopePairing.Halves, 10000, 4, [2, 8]);
        Assert.Equal([0.5, 0.01 / 8], rope.Frequencies);
    }

    [Fact]
    public void Resolve_Yarn_KeepsFastPairsAndStretchesSlowOnes()
    {
        var yarn = new RopeScaling { IsYarn = true, Factor = 8, OriginalContextLength = 4096 };
        var plain = new RopeScaling().Resolve(RopePairing.Halves, 10000, 128, null);
        var scaled = yarn.Resolve(RopePairing.Halves, 10000, 128, null);

        // 4096 positions are 652 turns of the first pair and less than one of the last.
        Assert.Equal(plain.Frequencies[0], scaled.Frequencies[0], 1e-15);
        Assert.Equal(plain.Frequencies[^1] / 8, scaled.Frequencies[^1], 1e-15);
        var ratios = plain.Frequencies.Zip(scaled.Frequencies, (a, b) => a / b).ToArray();
        Assert.Equal(ratios.Order(), ratios);
        Assert.Equal(1 + 0.1 * Math.Log(8), scaled.Magnitude, 1e-6);
        Assert.Equal(1, (yarn with { LogMultiplier = 1 }).Resolve(RopePairing.Halves, 10000, 128, null).Magnitude, 1e-6);
    }
}
