using System.Collections.Immutable;
using EmbeddedLlm.Assembler;
using EmbeddedLlm.Cpu.Tiers;

namespace EmbeddedLlm.Tests.Cpu;

/// <summary>Tiers that this processor and the runtime's settings allow, the one of EmbeddedLlm.Assembler included.</summary>
internal static class TestTiers
{
    public static ImmutableArray<Tier> All { get; } = VnniTier.IsSupported ? [.. Tier.Supported, VnniTier.Create()] : Tier.Supported;
}
