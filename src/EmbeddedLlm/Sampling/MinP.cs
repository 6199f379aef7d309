namespace EmbeddedLlm.Sampling;

/// <summary>Keeps the tokens at least <paramref name="p"/> times as probable as the most probable one.</summary>
internal sealed class MinP(float p) : ILogitsProcessor
{
    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history) => candidates.KeepFrom(Least(candidates.Most(), p));

    /// <summary>The least logit that stays.</summary>
    public static float Least(float most, float p) => most + MathF.Log(p);
}
