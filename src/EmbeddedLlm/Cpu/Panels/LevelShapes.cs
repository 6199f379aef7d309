using EmbeddedLlm.Quantization;

namespace EmbeddedLlm.Cpu.Panels;

// Shapes of formats with levels: each has its own, since its levels are constants of the product. All has to be written out here: what a shape would take
// from its format costs the JIT one inlining more for each use, and it has a budget.

internal readonly struct ShapeIQ1_S : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
    public static int ScaleBits => 32;
    public static int LevelBits => 5;
    public static ReadOnlySpan<byte> Levels => IQ1_S.Levels;
}

internal readonly struct ShapeIQ1_M : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 16;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
    public static int ScaleBits => 32;
    public static int LevelBits => 5;
    public static ReadOnlySpan<byte> Levels => IQ1_M.Levels;
}

internal readonly struct ShapeIQ2_XXS : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
    public static int ScaleBits => 32;
    public static int LevelBits => 8;
    public static ReadOnlySpan<byte> Levels => IQ2_XXS.Levels;
}

internal readonly struct ShapeIQ2_S : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 16;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
    public static int ScaleBits => 32;
    public static int LevelBits => 8;
    public static ReadOnlySpan<byte> Levels => IQ2_S.Levels;
}

internal readonly struct ShapeIQ3_XXS : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
    public static int ScaleBits => 32;
    public static int LevelBits => 8;
    public static ReadOnlySpan<byte> Levels => IQ3_XXS.Levels;
}

internal readonly struct ShapeIQ3_S : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
    public static int LevelBits => 5;
    public static ReadOnlySpan<byte> Levels => IQ3_S.Levels;
}

internal readonly struct ShapeIQ4_NL : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 32;
    public static bool HasMinimums => false;
    public static int LevelBits => 8;
    public static ReadOnlySpan<byte> Levels => IQ4_NL.Levels;
}

internal readonly struct ShapeIQ4_XS : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
    public static int LevelBits => 8;
    public static ReadOnlySpan<byte> Levels => IQ4_XS.Levels;
}

internal readonly struct ShapeMXFP4 : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 32;
    public static bool HasMinimums => false;
    public static int ScaleBits => 17;
    public static int LevelBits => 5;
    public static ReadOnlySpan<byte> Levels => MXFP4.Levels;
}
