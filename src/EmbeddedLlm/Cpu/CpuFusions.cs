namespace EmbeddedLlm.Cpu;

/// <summary>What <see cref="CpuCompiler"/> may put together. Each gives the same results, bit for bit, as the ops by themselves; that is tested by leaving it out.</summary>
[Flags]
internal enum CpuFusions
{
    /// <summary>Every op by itself.</summary>
    None = 0,

    /// <summary>Neighbouring ops that do not need each other's results run without a barrier between them.</summary>
    Join = 1,

    /// <summary>All of them.</summary>
    All = Join,
}
