using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Models.Families;

namespace EmbeddedLlm.Models;

/// <summary>The table of model families: one line each.</summary>
internal static class Architectures
{
    public static ImmutableArray<Architecture> All { get; } =
    [
        new Granite(),
        new Llama(),
        new Mistral(),
        new Qwen(),
        new SmolLm3(),
    ];

    public static bool TryGet(string name, [NotNullWhen(true)] out Architecture? architecture)
    {
        architecture = All.FirstOrDefault(candidate => candidate.Names.Contains(name));
        return architecture is not null;
    }
}
