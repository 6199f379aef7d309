namespace EmbeddedLlm.Quantization;

/// <summary>
/// The common form of one quantized block: unsigned quants in groups, each group with an integer scale and an integer minimum,
/// the block with two float factors. Every integer format reduces to
/// <c>value = Scale · GroupScales[g] · (Quants[i] − offset) − MinScale · GroupMins[g]</c>, with <c>g = i / groupLength</c>;
/// offset and group length are constants of the format (<see cref="BlockFormat.QuantOffset"/>, <see cref="BlockFormat.GroupLength"/>).
/// Where the format has <see cref="BlockFormat.Levels"/>, <c>Levels[Quants[i]]</c> stands in place of <c>Quants[i]</c>.
/// </summary>
public ref struct Groups
{
    /// <summary>The quants, in the order of the values; [<see cref="BlockFormat.Length"/>], each in 0 … 2^<see cref="BlockFormat.Bits"/> − 1.</summary>
    public Span<byte> Quants;

    /// <summary>Integer scale of each group; [Length / GroupLength]. 1 where the format has one scale per block.</summary>
    public Span<sbyte> GroupScales;

    /// <summary>Integer minimum of each group; [Length / GroupLength]. 0 where the format has none.</summary>
    public Span<byte> GroupMins;

    /// <summary>The block's scale factor.</summary>
    public float Scale;

    /// <summary>The block's minimum factor; 0 where the format has no minimum.</summary>
    public float MinScale;
}
