using EmbeddedLlm.Cpu.Panels;

namespace EmbeddedLlm.Assembler;

/// <summary>
/// The managed face of one assembled product. The call does not leave the mode of managed code, which would take longer than it is worth: a product takes
/// a microsecond or a few, calls nothing and throws nothing.
/// </summary>
internal static unsafe class VnniProduct<TShape, TColumns>
    where TShape : struct, IPanelShape
    where TColumns : struct, IColumns
{
    private static readonly Lock Assembling = new();
    private static delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, float*, int, void> _code;

    /// <summary>Assembles the product, the first time.</summary>
    /// <exception cref="NotSupportedException">The operating system refuses executable memory.</exception>
    public static delegate*<byte*, byte*, byte*, float*, int, int, byte*, nint, void> Assemble()
    {
        lock (Assembling)
        {
            if (_code == null)
            {
                var shape = new PanelShape(TShape.Bits, TShape.GroupLength, TShape.BlockLength, TShape.HasMinimums);
                var convention = OperatingSystem.IsWindows() ? CallingConvention.Windows : CallingConvention.SystemV;
                var code = ProductAssembler.Assemble(shape, TColumns.Count, convention);
                _code = (delegate* unmanaged[SuppressGCTransition]<byte*, byte*, byte*, float*, int, void>)ExecutableMemory.Create(code);
            }
        }

        return &Multiply;
    }

    // The offset is part of the code, see VnniTier.Holds; so is what is asked for ahead. Sums begin from 0, see Tier.Product.
    private static void Multiply(byte* scales, byte* quants, byte* columns, float* sums, int width, int offset, byte* ahead, nint aheadBytes) =>
        _code(scales, quants, columns, sums, width);
}
