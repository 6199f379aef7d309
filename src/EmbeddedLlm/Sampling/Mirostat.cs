namespace EmbeddedLlm.Sampling;

/// <summary>
/// Mirostat 2: cuts tokens more surprising than a limit, draws, and moves the limit so that the surprise stays near
/// <paramref name="tau"/> bits per token. https://arxiv.org/abs/2007.14966, algorithm 2.
/// </summary>
internal sealed class Mirostat(float tau, float eta)
{
    private const float Ln2 = 0.693147181f;
    private double _limit = 2 * tau;

    /// <summary>Draws an index.</summary>
    public int Draw(ref Candidates candidates, Xoshiro256 random)
    {
        candidates.KeepFrom(candidates.LogSum() - (float)_limit * Ln2);
        var index = candidates.Draw(random, out var probability);
        _limit -= eta * (-Math.Log2(probability) - tau);
        return index;
    }
}
