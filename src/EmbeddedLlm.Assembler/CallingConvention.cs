namespace EmbeddedLlm.Assembler;

/// <summary>Where a function on x64 finds its arguments, and which registers it must leave as they were.</summary>
internal enum CallingConvention
{
    /// <summary>Linux and macOS: six arguments in registers, every vector register may be changed.</summary>
    SystemV,

    /// <summary>Windows: four arguments in registers, the lower halves (128 bits) of vector registers 6 … 15 must be kept.</summary>
    Windows,
}
