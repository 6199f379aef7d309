namespace EmbeddedLlm.Cpu.Panels;

/// <summary>A kind of float in a panel, as a constant for the JIT.</summary>
internal interface IPanelNumber
{
    /// <summary>As <see cref="PanelShape.Bits"/>.</summary>
    static abstract int Bits { get; }
}

internal readonly struct PanelHalf : IPanelNumber
{
    public static int Bits => 16;
}

internal readonly struct PanelBrain : IPanelNumber
{
    public static int Bits => 17;
}

internal readonly struct PanelSingle : IPanelNumber
{
    public static int Bits => 32;
}
