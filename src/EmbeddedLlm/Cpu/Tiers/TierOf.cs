using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Cpu.Tiers;

/// <summary>The products of one instruction set: a copy of the loops for each shape and number of columns, compiled when first used.</summary>
internal sealed unsafe class Tier<TTier, TInts, TFloats>(string name) : Tier
    where TTier : struct, ITier<TInts, TFloats>
    where TInts : struct
    where TFloats : struct
{
    public override string Name { get; } = name;

    public override int Rows => TTier.Rows;

    public override int MaxColumns => TTier.MaxColumns;

    public static Tier? IfSupported(string name) => TTier.IsSupported ? new Tier<TTier, TInts, TFloats>(name) : null;

    public override void Prefetch(byte* start, nint bytes)
    {
        for (nint line = 0; line < bytes; line += PanelMatrix.CacheLine)
            TTier.Prefetch(start + line);
    }

    public override delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void> Product(PanelShape shape, int columns) => columns switch
    {
        1 => Product<Columns1>(shape),
        2 => Product<Columns2>(shape),
        4 => Product<Columns4>(shape),
        8 => Product<Columns8>(shape),
        _ => throw new ArgumentOutOfRangeException(nameof(columns)),
    };

    // THE TABLE of formats whose panels are transposed; a format from outside may have the id of one, but not its layout.
    public override delegate*<byte*, nint, nint, byte*, byte*, uint*, void> Transposer(BlockFormat format) =>
        !BlockFormats.TryGet(format.Type, out var own) || own != format ? null : format.Type switch
        {
            GgmlType.F32 => &RowTransposer<TTier, TInts, TFloats>.F32,
            GgmlType.F16 => &RowTransposer<TTier, TInts, TFloats>.F16,
            GgmlType.BF16 => &RowTransposer<TTier, TInts, TFloats>.BF16,
            GgmlType.Q4_0 or GgmlType.IQ4_NL => &RowTransposer<TTier, TInts, TFloats>.Q4_0,
            GgmlType.Q4_1 => &RowTransposer<TTier, TInts, TFloats>.Q4_1,
            GgmlType.Q5_0 => &RowTransposer<TTier, TInts, TFloats>.Q5_0,
            GgmlType.Q5_1 => &RowTransposer<TTier, TInts, TFloats>.Q5_1,
            GgmlType.Q8_0 => &RowTransposer<TTier, TInts, TFloats>.Q8_0,
            GgmlType.Q2_K => &RowTransposer<TTier, TInts, TFloats>.Q2_K,
            GgmlType.Q3_K => &RowTransposer<TTier, TInts, TFloats>.Q3_K,
            GgmlType.Q4_K => &RowTransposer<TTier, TInts, TFloats>.Q4_K,
            GgmlType.Q5_K => &RowTransposer<TTier, TInts, TFloats>.Q5_K,
            GgmlType.Q6_K => &RowTransposer<TTier, TInts, TFloats>.Q6_K,
            GgmlType.IQ4_XS => &RowTransposer<TTier, TInts, TFloats>.IQ4_XS,
            GgmlType.TQ2_0 => &RowTransposer<TTier, TInts, TFloats>.TQ2_0,
            GgmlType.MXFP4 => &RowTransposer<TTier, TInts, TFloats>.MXFP4,
            _ => null,
        };

    // THE TABLE of panels: one line for each shape.
    private static delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void> Product<TColumns>(PanelShape shape)
        where TColumns : struct, IColumns => shape switch
        {
            { Levels: not null } => LevelProduct<TColumns>(shape),
            { ScaleBits: not 16 } => null,
            (32, 1, 1, false) => &FloatProduct<TTier, TInts, TFloats, PanelSingle, TColumns>.Multiply,
            (16, 1, 1, false) => &FloatProduct<TTier, TInts, TFloats, PanelHalf, TColumns>.Multiply,
            (17, 1, 1, false) => &FloatProduct<TTier, TInts, TFloats, PanelBrain, TColumns>.Multiply,
            (4, 32, 32, false) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ4_0, TColumns>.Multiply,
            (4, 32, 32, true) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ4_1, TColumns>.Multiply,
            (5, 32, 32, false) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ5_0, TColumns>.Multiply,
            (5, 32, 32, true) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ5_1, TColumns>.Multiply,
            (8, 32, 32, false) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ8_0, TColumns>.Multiply,
            (2, 256, 256, false) => &IntegerProduct<TTier, TInts, TFloats, ShapeTQ2_0, TColumns>.Multiply,
            (2, 16, 256, true) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ2_K, TColumns>.Multiply,
            (3, 16, 256, false) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ3_K, TColumns>.Multiply,
            (4, 32, 256, true) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ4_K, TColumns>.Multiply,
            (5, 32, 256, true) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ5_K, TColumns>.Multiply,
            (6, 16, 256, false) => &IntegerProduct<TTier, TInts, TFloats, ShapeQ6_K, TColumns>.Multiply,
            _ => null,
        };

    // And one for each format with levels. IQ2_XS and IQ2_S differ in the file only.
    private static delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void> LevelProduct<TColumns>(PanelShape shape)
        where TColumns : struct, IColumns => shape.Levels switch
        {
            GgmlType.IQ1_S => LevelProduct<IQ1_S, ShapeIQ1_S, TColumns>(shape),
            GgmlType.IQ1_M => LevelProduct<IQ1_M, ShapeIQ1_M, TColumns>(shape),
            GgmlType.IQ2_XXS => LevelProduct<IQ2_XXS, ShapeIQ2_XXS, TColumns>(shape),
            GgmlType.IQ2_XS => LevelProduct<IQ2_XS, ShapeIQ2_S, TColumns>(shape),
            GgmlType.IQ2_S => LevelProduct<IQ2_S, ShapeIQ2_S, TColumns>(shape),
            GgmlType.IQ3_XXS => LevelProduct<IQ3_XXS, ShapeIQ3_XXS, TColumns>(shape),
            GgmlType.IQ3_S => LevelProduct<IQ3_S, ShapeIQ3_S, TColumns>(shape),
            GgmlType.IQ4_NL => LevelProduct<IQ4_NL, ShapeIQ4_NL, TColumns>(shape),
            GgmlType.IQ4_XS => LevelProduct<IQ4_XS, ShapeIQ4_XS, TColumns>(shape),
            GgmlType.MXFP4 => LevelProduct<MXFP4, ShapeMXFP4, TColumns>(shape),
            _ => null,
        };

    // A format from outside may have the type of one that is known, and another shape.
    private static delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void> LevelProduct<TFormat, TShape, TColumns>(PanelShape shape)
        where TFormat : unmanaged, IBlockFormat<TFormat>
        where TShape : struct, IPanelShape
        where TColumns : struct, IColumns =>
        shape == PanelShape.Of(BlockFormat.Of<TFormat>()) ? &IntegerProduct<TTier, TInts, TFloats, TShape, TColumns>.Multiply : null;
}
