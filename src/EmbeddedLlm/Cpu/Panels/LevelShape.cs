using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Cpu.Panels;

/// <summary>The shape of a format with levels. Each has its own, since its levels are constants of the product.</summary>
internal readonly struct LevelShape<TFormat> : IPanelShape
    where TFormat : unmanaged, IBlockFormat<TFormat>
{
    public static int Bits => TFormat.Bits;
    public static int GroupLength => TFormat.GroupLength;
    public static int BlockLength => TFormat.Length;
    public static bool HasMinimums => false;
    public static int ScaleBits => PanelShape.ScaleBitsOf(TFormat.ScaleType);
    public static ReadOnlySpan<byte> Levels => TFormat.Levels;

    // Levels lie around the offset, from 0 to at most twice as much.
    public static int LevelBits => TFormat.QuantOffset < 16 ? 5 : 8;
}
