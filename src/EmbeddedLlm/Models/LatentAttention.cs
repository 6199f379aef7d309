using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models;

/// <summary>
/// Multi-head latent attention (DeepSeek-AI 2024, "DeepSeek-V2", arXiv 2405.04434, section 2.1): the cache holds for each position one latent and one key
/// that is turned, shared by all heads. What makes a head's key of the latent is multiplied into its query, and what makes its value into its result,
/// so that heads are never written out.
/// </summary>
internal static class LatentAttention
{
    /// <summary>The attended rows [heads · output width].</summary>
    public static Value Build(GraphBuilder graph, ModelSpec spec, ModelWeights weights, RopeSpec rope, string prefix, Value x)
    {
        var (rank, queryWidth, outputWidth) = spec.Latent!;
        var hasQueryLatent = weights.Contains(prefix + "attn_q_a");
        var read = graph.Linear(x, weights.Products(prefix, "", spec.Width,
            hasQueryLatent ? ("attn_q_a", weights.RowsOf(prefix + "attn_q_a")) : ("attn_q", spec.Heads * queryWidth),
            ("attn_kv_a_mqa", spec.HeadWidth)));

        var q = read[0];
        if (hasQueryLatent)
        {
            q = graph.Norm(q, spec.Norm, weights.Vector(prefix + "attn_q_a_norm", q.Width), null, spec.NormEpsilon);
            q = graph.Linear(q, weights.Matrix(prefix + "attn_q_b", spec.Heads * queryWidth, q.Width));
        }

        // Heads of query and key: [latent, what is turned].
        q = graph.HeadLinear(q, weights.Experts(prefix + "attn_k_b", spec.Heads, rank, queryWidth - rope.Width));
        q = graph.Rope(q, rope, spec.HeadWidth, start: rank);
        var k = graph.Norm(read[1], spec.Norm, weights.Vector(prefix + "attn_kv_a_norm", rank), null, spec.NormEpsilon, spec.HeadWidth);
        k = graph.Rope(k, rope, spec.HeadWidth, start: rank);

        var attended = graph.Attention(q, k, null, new AttentionSpec(spec.Heads, spec.KvHeads, spec.HeadWidth, spec.ValueWidth, spec.AttentionScale));
        return graph.HeadLinear(attended, weights.Experts(prefix + "attn_v_b", spec.Heads, outputWidth, rank));
    }
}
