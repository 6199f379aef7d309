namespace EmbeddedLlm.Cpu.Panels;

/// <summary>How many columns (activation rows) a product takes at a time: a constant for the JIT, which drops the code of those that are not there.</summary>
internal interface IColumns
{
    static abstract int Count { get; }
}

internal readonly struct Columns1 : IColumns
{
    public static int Count => 1;
}

internal readonly struct Columns2 : IColumns
{
    public static int Count => 2;
}

internal readonly struct Columns4 : IColumns
{
    public static int Count => 4;
}

internal readonly struct Columns8 : IColumns
{
    public static int Count => 8;
}
