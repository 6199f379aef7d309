using System.Numerics;

namespace EmbeddedLlm.Sampling;

/// <summary>Keeps the <paramref name="k"/> most probable tokens, sorted; of equals those with the lower ids.</summary>
internal sealed class TopK(int k) : ILogitsProcessor
{
    public void Apply(ref Candidates candidates, ReadOnlySpan<int> history)
    {
        if (candidates.IsSorted || k >= candidates.Count)
        {
            candidates.Sort();
            candidates.KeepFirst(Math.Min(k, candidates.Count));
            return;
        }

        // The first k entries are a heap whose root is the worst of the best so far; entry i lies behind it until it is read.
        var logits = candidates.Logits;
        var ids = candidates.IsWhole ? candidates.Scratch.Ids : candidates.Ids;
        var isWhole = candidates.IsWhole;
        if (isWhole)
            for (var i = 0; i < k; i++)
                ids[i] = i;
        for (var i = k / 2 - 1; i >= 0; i--)
            SiftDown(logits, ids, i, k);

        var next = k;
        while (next < logits.Length)
        {
            if (next + Vector<float>.Count <= logits.Length && !Vector.GreaterThanAny(new Vector<float>(logits[next..]), new Vector<float>(logits[0])))
            {
                next += Vector<float>.Count;
                continue;
            }
            for (var end = Math.Min(next + Vector<float>.Count, logits.Length); next < end; next++)
                if (logits[next] > logits[0])
                {
                    logits[0] = logits[next];
                    ids[0] = isWhole ? next : ids[next];
                    SiftDown(logits, ids, 0, k);
                }
        }

        for (var last = k - 1; last > 0; last--)
        {
            (logits[0], logits[last]) = (logits[last], logits[0]);
            (ids[0], ids[last]) = (ids[last], ids[0]);
            SiftDown(logits, ids, 0, last);
        }
        candidates.SetSorted(k);
    }

    private static void SiftDown(Span<float> logits, Span<int> ids, int index, int count)
    {
        var (logit, id) = (logits[index], ids[index]);
        while (true)
        {
            var child = 2 * index + 1;
            if (child >= count)
                break;
            if (child + 1 < count && IsWorse(logits[child + 1], ids[child + 1], logits[child], ids[child]))
                child++;
            if (!IsWorse(logits[child], ids[child], logit, id))
                break;
            (logits[index], ids[index]) = (logits[child], ids[child]);
            index = child;
        }
        (logits[index], ids[index]) = (logit, id);
    }

    private static bool IsWorse(float logit, int id, float thanLogit, int thanId) => logit < thanLogit || (logit == thanLogit && id > thanId);
}
