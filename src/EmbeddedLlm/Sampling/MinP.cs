namespace EmbeddedLlm.Sampling;

/// <summary>Keeps the tokens at least <paramref name="p"/> times as probable as the most probable one.</summary>
internal sealed class MinP(float p) : ILogitsProcessor
{
    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history) => candidates.KeepFrom(candidates.Most() + MathF.Log(p));
}
