using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Models;

/// <summary>The values under <c>general.sampling</c> in a GGUF file; what it does not say is null.</summary>
public sealed record RecommendedSampling
{
    /// <summary><c>temp</c></summary>
    public float? Temperature { get; init; }

    /// <summary><c>top_k</c>; 0 for all.</summary>
    public int? TopK { get; init; }

    /// <summary><c>top_p</c></summary>
    public float? TopP { get; init; }

    /// <summary><c>min_p</c></summary>
    public float? MinP { get; init; }

    /// <summary><c>xtc_probability</c></summary>
    public float? XtcProbability { get; init; }

    /// <summary><c>xtc_threshold</c></summary>
    public float? XtcThreshold { get; init; }

    /// <summary><c>penalty_repeat</c>; 1 for none.</summary>
    public float? RepetitionPenalty { get; init; }

    /// <summary><c>penalty_last_n</c>; −1 for the whole context.</summary>
    public int? PenaltyWindow { get; init; }

    /// <summary><c>mirostat</c>: the version, 0 for off.</summary>
    public int? Mirostat { get; init; }

    /// <summary><c>mirostat_tau</c></summary>
    public float? MirostatTau { get; init; }

    /// <summary><c>mirostat_eta</c></summary>
    public float? MirostatEta { get; init; }

    internal static RecommendedSampling Read(GgufFile file)
    {
        var keys = new Hyperparameters(file, "general.sampling");
        float? Number(string key, float least, float most) => keys.Contains(key) ? keys.Number(key, least, most) : null;
        int? Count(string key, int least) => keys.Contains(key) ? keys.Count(key, least, int.MaxValue) : null;
        return new RecommendedSampling
        {
            Temperature = Number("temp", 0, 100),
            TopK = Count("top_k", 0),
            TopP = Number("top_p", 0, 1),
            MinP = Number("min_p", 0, 1),
            XtcProbability = Number("xtc_probability", 0, 1),
            XtcThreshold = Number("xtc_threshold", 0, 1),
            RepetitionPenalty = Number("penalty_repeat", 0, 100),
            PenaltyWindow = Count("penalty_last_n", -1),
            Mirostat = Count("mirostat", 0),
            MirostatTau = Number("mirostat_tau", 0, 1000),
            MirostatEta = Number("mirostat_eta", 0, 1000),
        };
    }
}
