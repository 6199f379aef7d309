using System.Collections.Immutable;
using EmbeddedLlm.Graph;

namespace EmbeddedLlm.Models.Families;

/// <summary>
/// The BERT encoders: norms behind attention and feed-forward. BERT (also RoBERTa, MiniLM, E5, BGE) has a table of positions, Nomic has rope and a
/// SiLU gate, Jina 2 has ALiBi and a GELU gate, Jina 3 rope.
/// </summary>
internal sealed class Bert : Architecture
{
    public override ImmutableArray<string> Names => ["bert", "jina-bert-v2", "jina-bert-v3", "nomic-bert"];

    public override ModelSpec Describe(Hyperparameters keys)
    {
        var spec = Standard(keys, NormKind.Layer) with
        {
            IsCausal = false,
            HasInputNorms = false,
            HasOutputNorm = false,
            Activation = Activation.GeluTanh,
        };
        return keys.Prefix switch
        {
            "nomic-bert" => spec with { RopePairing = RopePairing.Halves, Activation = Activation.Silu },
            "jina-bert-v3" => spec with { RopePairing = RopePairing.Halves },
            "jina-bert-v2" => spec with { RopeWidth = 0, AlibiBias = keys.Number("attention.max_alibi_bias", 0, 1000, fallback: 8) },
            _ => spec with { RopeWidth = 0 },
        };
    }
}
