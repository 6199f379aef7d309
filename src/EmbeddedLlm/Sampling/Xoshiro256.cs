using System.Numerics;

namespace EmbeddedLlm.Sampling;

/// <summary>
/// The random numbers of one request: xoshiro256** seeded through splitmix64, by D. Blackman and S. Vigna, https://prng.di.unimi.it.
/// Our own, so that a seed gives the same text on every version of .NET.
/// </summary>
internal sealed class Xoshiro256
{
    private ulong _a, _b, _c, _d;

    public Xoshiro256(long seed)
    {
        var state = (ulong)seed;
        _a = SplitMix(ref state);
        _b = SplitMix(ref state);
        _c = SplitMix(ref state);
        _d = SplitMix(ref state);
    }

    /// <summary>The next number, from 0 up to but not 1.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>The next 64 random bits.</summary>
    public ulong Next()
    {
        var result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        var shifted = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= shifted;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
