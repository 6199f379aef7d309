namespace EmbeddedLlm.Cpu.Panels;

/// <summary>A <see cref="PanelShape"/> of integers as constants for the JIT. Named after the formats that have it.</summary>
internal interface IPanelShape
{
    static abstract int Bits { get; }

    static abstract int GroupLength { get; }

    static abstract int BlockLength { get; }

    static abstract bool HasMinimums { get; }

    /// <summary>As <see cref="PanelShape.ScaleBits"/>.</summary>
    static virtual int ScaleBits => 16;

    /// <summary>What quants stand for, [16]; empty where they stand for themselves.</summary>
    static virtual ReadOnlySpan<byte> Levels => [];

    /// <summary>Bits of a level: at most 5, or 8; 0 where there are none.</summary>
    static virtual int LevelBits => 0;
}

internal readonly struct ShapeQ4_0 : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 32;
    public static bool HasMinimums => false;
}

internal readonly struct ShapeQ4_1 : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 32;
    public static bool HasMinimums => true;
}

internal readonly struct ShapeQ5_0 : IPanelShape
{
    public static int Bits => 5;
    public static int GroupLength => 32;
    public static int BlockLength => 32;
    public static bool HasMinimums => false;
}

internal readonly struct ShapeQ5_1 : IPanelShape
{
    public static int Bits => 5;
    public static int GroupLength => 32;
    public static int BlockLength => 32;
    public static bool HasMinimums => true;
}

internal readonly struct ShapeQ8_0 : IPanelShape
{
    public static int Bits => 8;
    public static int GroupLength => 32;
    public static int BlockLength => 32;
    public static bool HasMinimums => false;
}

internal readonly struct ShapeQ2_K : IPanelShape
{
    public static int Bits => 2;
    public static int GroupLength => 16;
    public static int BlockLength => 256;
    public static bool HasMinimums => true;
}

internal readonly struct ShapeQ3_K : IPanelShape
{
    public static int Bits => 3;
    public static int GroupLength => 16;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
}

internal readonly struct ShapeQ4_K : IPanelShape
{
    public static int Bits => 4;
    public static int GroupLength => 32;
    public static int BlockLength => 256;
    public static bool HasMinimums => true;
}

internal readonly struct ShapeQ5_K : IPanelShape
{
    public static int Bits => 5;
    public static int GroupLength => 32;
    public static int BlockLength => 256;
    public static bool HasMinimums => true;
}

internal readonly struct ShapeTQ2_0 : IPanelShape
{
    public static int Bits => 2;
    public static int GroupLength => 256;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
}

internal readonly struct ShapeQ6_K : IPanelShape
{
    public static int Bits => 6;
    public static int GroupLength => 16;
    public static int BlockLength => 256;
    public static bool HasMinimums => false;
}
