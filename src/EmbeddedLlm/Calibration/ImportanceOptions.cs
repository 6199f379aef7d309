namespace EmbeddedLlm.Calibration;

/// <summary>How an importance matrix is collected.</summary>
public sealed record ImportanceOptions
{
    /// <summary>Tokens of a piece of text: what the model sees at once.</summary>
    public int ChunkLength { get; init; } = 512;

    /// <summary>The most pieces to run; null for all that the text has.</summary>
    public int? MaxChunks { get; init; }

    /// <summary>Threads; 0 for one per physical core.</summary>
    public int Threads { get; init; }

    /// <summary>What the text is called in the file.</summary>
    public string Dataset { get; init; } = "text";
}
