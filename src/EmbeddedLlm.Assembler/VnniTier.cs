using System.Runtime.Intrinsics.X86;
using EmbeddedLlm.Cpu.Panels;
using EmbeddedLlm.Cpu.Tiers;
using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Assembler;

/// <summary>
/// AVX-512 VNNI in 512 bits, which intrinsics do not have: assembled products of integers over panels of 32 rows, and the products of the AVX-512 tier for
/// floats and for formats with levels. Every assembled shape gains in every number of columns (1.17 … 2.6 ×, see <c>benchmarks/results/assembler.md</c>).
/// </summary>
internal sealed unsafe class VnniTier : Tier
{
    /// <summary>The name of the instruction set.</summary>
    public const string InstructionSet = "AVX-512 VNNI";

    private readonly Tier _others;

    private VnniTier(Tier others) => _others = others;

    /// <summary>Whether the processor has it and the runtime's settings (<c>DOTNET_EnableAVX512</c>) allow it.</summary>
    public static bool IsSupported => Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx & 1 << 11) != 0;

    /// <inheritdoc/>
    public override string Name => InstructionSet;

    /// <inheritdoc/>
    public override int Rows => _others.Rows;

    /// <inheritdoc/>
    public override int MaxColumns => 4;

    /// <summary>The tier of this process.</summary>
    /// <exception cref="NotSupportedException">The processor lacks it, or the operating system refuses executable memory.</exception>
    public static VnniTier Create()
    {
        if (!IsSupported)
            throw new NotSupportedException("It needs an x64 processor with AVX-512 VNNI, and that DOTNET_EnableAVX512 is not 0.");
        _ = Assembled<Columns4>(PanelShape.Of(BlockFormats.Get(GgmlType.Q4_0)));     // asks for executable memory
        return new VnniTier(Best);
    }

    /// <summary>Whether panels of this shape have an assembled product.</summary>
    public static bool Assembles(PanelShape shape) => shape is { IsFloat: false, Levels: null, GroupLength: <= PanelShape.GroupColumns };

    /// <inheritdoc/>
    public override int RowsOf(PanelShape shape) => Assembles(shape) ? ProductAssembler.Rows : Rows;

    /// <inheritdoc/>
    public override bool Holds(BlockFormat format) => base.Holds(format) && (!Assembles(PanelShape.Of(format)) || format.QuantOffset == ProductAssembler.Offset(PanelShape.Of(format)));

    /// <inheritdoc/>
    public override delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void> Product(PanelShape shape, int columns) =>
        !Assembles(shape) ? _others.Product(shape, columns) : columns switch
        {
            1 => Assembled<Columns1>(shape),
            2 => Assembled<Columns2>(shape),
            4 => Assembled<Columns4>(shape),
            8 => null,
            _ => throw new ArgumentOutOfRangeException(nameof(columns)),
        };

    /// <inheritdoc/>
    public override void Prefetch(byte* start, nint bytes) => _others.Prefetch(start, bytes);

    /// <inheritdoc/>
    public override delegate*<byte*, nint, nint, byte*, byte*, uint*, void> Transposer(BlockFormat format) => _others.Transposer(format);

    private static delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void> Assembled<TColumns>(PanelShape shape)
        where TColumns : struct, IColumns => shape switch
        {
            (4, 32, 32, false) => VnniProduct<ShapeQ4_0, TColumns>.Assemble(),
            (4, 32, 32, true) => VnniProduct<ShapeQ4_1, TColumns>.Assemble(),
            (5, 32, 32, false) => VnniProduct<ShapeQ5_0, TColumns>.Assemble(),
            (5, 32, 32, true) => VnniProduct<ShapeQ5_1, TColumns>.Assemble(),
            (8, 32, 32, false) => VnniProduct<ShapeQ8_0, TColumns>.Assemble(),
            (2, 16, 256, true) => VnniProduct<ShapeQ2_K, TColumns>.Assemble(),
            (3, 16, 256, false) => VnniProduct<ShapeQ3_K, TColumns>.Assemble(),
            (4, 32, 256, true) => VnniProduct<ShapeQ4_K, TColumns>.Assemble(),
            (5, 32, 256, true) => VnniProduct<ShapeQ5_K, TColumns>.Assemble(),
            (6, 16, 256, false) => VnniProduct<ShapeQ6_K, TColumns>.Assemble(),
            _ => null,
        };
}
