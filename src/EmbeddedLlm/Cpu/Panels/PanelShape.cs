using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>
/// What a panel stores: how many bits for a number, and which scales. Formats of the same shape share the product.
/// </summary>
/// <param name="Bits">2, 3, 4, 5, 6 or 8 for integers; 16 (half), 17 (brain) or 32 for floats.</param>
/// <param name="GroupLength">Numbers with one integer scale: 32 or 16; 1 for floats; <paramref name="BlockLength"/> where there are none.</param>
/// <param name="BlockLength">Numbers with one float scale: 32 or 256; 1 for floats.</param>
/// <param name="HasMinimums">Whether a minimum is subtracted from each group; otherwise the quants have an offset.</param>
internal readonly record struct PanelShape(int Bits, int GroupLength, int BlockLength, bool HasMinimums)
{
    /// <summary>Numbers whose products are summed as integers before the activation's scale comes in.</summary>
    public const int GroupColumns = 32;

    /// <summary>The format whose levels the quants stand for, see <see cref="BlockFormat.Levels"/>; null where they stand for themselves.</summary>
    public GgmlType? Levels { get; init; }

    /// <summary>What the float scales are, as <see cref="Bits"/> of floats.</summary>
    public int ScaleBits { get; init; } = 16;

    /// <summary>16-bit IEEE floats.</summary>
    public static readonly PanelShape Halves = new(16, 1, 1, false);

    /// <summary>16-bit brain floats.</summary>
    public static readonly PanelShape Brains = new(17, 1, 1, false);

    /// <summary>32-bit floats.</summary>
    public static readonly PanelShape Singles = new(32, 1, 1, false);

    /// <summary>Whether the panel holds floats, so that activations stay floats too.</summary>
    public bool IsFloat => Bits >= 16;

    /// <summary>Float scales of one row in one block: that of its numbers, and that of its minimums.</summary>
    public int FloatScales => HasMinimums ? 2 : 1;

    /// <summary>Bytes of a float scale.</summary>
    public int FloatScaleBytes => ScaleBits / 16 * 2;

    /// <summary>Bytes of the scales of one row in one block.</summary>
    public int ScaleBytes
    {
        get
        {
            if (IsFloat)
                return 0;
            var floats = FloatScales * FloatScaleBytes;
            if (BlockLength == GroupLength)
                return floats;
            // Scale and minimum of Q2_K have four bits each and share a byte.
            return floats + BlockLength / GroupLength * (HasMinimums && Bits > 2 ? 2 : 1);
        }
    }

    /// <summary>Bytes of the quants of one row in a group of <see cref="GroupColumns"/>, or of one float.</summary>
    public int QuantBytes => IsFloat ? (Bits + 7) / 16 * 2 : GroupColumns / 8 * Bits;

    /// <summary>The shape for the rows of <paramref name="format"/>. Formats from outside may have one that no panel has.</summary>
    public static PanelShape Of(BlockFormat format) => (format.Type, format.BlockBytes, format.Length, format.IsFloat) switch
    {
        (GgmlType.F32, 4, 1, true) => Singles,
        (GgmlType.F16, 2, 1, true) => Halves,
        (GgmlType.BF16, 2, 1, true) => Brains,
        _ => new(format.Bits, format.GroupLength, format.Length, format.QuantOffset == 0)
        {
            Levels = format.Levels.IsEmpty ? null : format.Type,
            ScaleBits = ScaleBitsOf(format.ScaleType),
        },
    };

    /// <summary>How a panel stores scales of this type.</summary>
    public static int ScaleBitsOf(GgmlType type) => type switch { GgmlType.F16 => 16, GgmlType.BF16 => 17, _ => 32 };
}
