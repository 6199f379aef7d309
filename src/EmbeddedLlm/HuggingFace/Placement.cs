namespace EmbeddedLlm.HuggingFace;

/// <summary>Where a tensor of a folder goes, and how GGUF has it otherwise.</summary>
/// <param name="Name">Its name in GGUF; empty where a model is computed without it.</param>
internal sealed record Placement(string Name)
{
    /// <summary>A buffer that is stored beside the weights and says nothing that the configuration does not.</summary>
    public static Placement Ignored { get; } = new("");

    /// <summary>The row of the folder's tensor that row n of GGUF's is; null where rows stay.</summary>
    public Func<int, int>? RowFrom { get; init; }

    /// <summary>What the number of rows must be a multiple of, for <see cref="RowFrom"/> to stay inside.</summary>
    public int RowUnit { get; init; } = 1;

    /// <summary>Whether the folder has a row for each input, where GGUF has one for each output.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>Added to every number.</summary>
    public float Addend { get; init; }
}
