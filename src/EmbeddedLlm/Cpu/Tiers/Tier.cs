using System.Collections.Immutable;
using System.Runtime.Intrinsics;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Cpu.Tiers;

/// <summary>The run-time face of an instruction set: how panels are laid out for it, and its products.</summary>
internal abstract unsafe class Tier
{
    private protected Tier()
    {
    }

    /// <summary>Those that this processor and the runtime's settings (<c>DOTNET_Enable…</c>) allow, best first.</summary>
    public static ImmutableArray<Tier> Supported { get; } =
    [
        .. new Tier?[]
        {
            Tier<Avx512Tier, Vector512<int>, Vector512<float>>.IfSupported("AVX-512"),
            Tier<AvxVnniTier, Vector256<int>, Vector256<float>>.IfSupported("AVX-VNNI"),
            Tier<Avx2Tier, Vector256<int>, Vector256<float>>.IfSupported("AVX2"),
            Tier<AdvSimdTier, Vector128<int>, Vector128<float>>.IfSupported("AdvSimd"),
            Tier<PortableTier, Vector128<int>, Vector128<float>>.IfSupported("portable"),
        }.OfType<Tier>(),
    ];

    /// <summary>The one to use.</summary>
    public static Tier Best => Supported[0];

    /// <summary>The one that every processor has.</summary>
    public static Tier Portable => Supported[^1];

    /// <summary>The name of the instruction set.</summary>
    public abstract string Name { get; }

    /// <summary>Rows that a panel interleaves, at least, and that a transposer packs together.</summary>
    public abstract int Rows { get; }

    /// <summary>The most columns that a product takes: 4 or 8.</summary>
    public abstract int MaxColumns { get; }

    /// <summary>
    /// The product of a panel of this shape with 1, 2, 4 or 8 columns, see <see cref="IntegerProduct{TTier,TInts,TFloats,TShape,TColumns}.Multiply"/>.
    /// Arguments: scales, quants, columns, sums, width, offset, ahead, bytes ahead. Null where no panel has this shape. Products of integers over panels of
    /// <see cref="Rows"/> rows add to the sums, so that a panel may come in parts; those of floats and of wider panels set them.
    /// </summary>
    public abstract delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void> Product(PanelShape shape, int columns);

    /// <summary>Asks for memory, which need not be there; nothing where the instruction set cannot.</summary>
    public abstract void Prefetch(byte* start, nint bytes);

    /// <summary>
    /// Brings <see cref="Rows"/> rows of <paramref name="format"/> into a panel, see <see cref="RowTransposer{TTier,TInts,TFloats}"/>.
    /// Arguments: first row, bytes of a row, blocks of a row, scales, quants, exponents. Null where the format has only the general way.
    /// </summary>
    public abstract delegate*<byte*, nint, nint, byte*, byte*, uint*, void> Transposer(BlockFormat format);

    /// <summary>Rows that a panel of <paramref name="shape"/> interleaves: a multiple of <see cref="Rows"/>.</summary>
    public virtual int RowsOf(PanelShape shape) => Rows;

    /// <summary>Whether there are panels for weights of <paramref name="format"/>.</summary>
    public virtual bool Holds(BlockFormat format) => Product(PanelShape.Of(format), 1) != null;

    /// <inheritdoc/>
    public override string ToString() => Name;
}
