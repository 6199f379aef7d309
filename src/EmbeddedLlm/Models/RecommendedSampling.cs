using EmbeddedLlm.Gguf;

namespace EmbeddedLlm.Models;

/// <summary>The values under <c>general.sampling</c> in a GGUF file, as they stand there; what it does not say is null.</summary>
public sealed record RecommendedSampling
{
    /// <summary><c>temp</c>; 0 or less for the most probable token.</summary>
    public float? Temperature { get; init; }

    /// <summary><c>top_k</c>; 0 or less for all.</summary>
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
        float? Number(string key) => keys.Contains(key) ? file.Metadata.GetFloat($"{keys.Prefix}.{key}") : null;
        int? Count(string key) => keys.Contains(key) ? keys.Count(key, int.MinValue, int.MaxValue) : null;
        return new RecommendedSampling
        {
            Temperature = Number("temp"),
            TopK = Count("top_k"),
            TopP = Number("top_p"),
            MinP = Number("min_p"),
            XtcProbability = Number("xtc_probability"),
            XtcThreshold = Number("xtc_threshold"),
            RepetitionPenalty = Number("penalty_repeat"),
            PenaltyWindow = Count("penalty_last_n"),
            Mirostat = Count("mirostat"),
            MirostatTau = Number("mirostat_tau"),
            MirostatEta = Number("mirostat_eta"),
        };
    }
}
