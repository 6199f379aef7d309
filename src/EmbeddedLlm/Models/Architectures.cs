using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Models.Families;

namespace EmbeddedLlm.Models;

/// <summary>The table of model families: one line each.</summary>
internal static class Architectures
{
    public static ImmutableArray<Architecture> All { get; } =
    [
        new Baichuan(),
        new Bert(),
        new Bloom(),
        new Cohere(),
        new Dbrx(),
        new DeepSeek(),
        new DeepSeek2(),
        new EuroBert(),
        new Exaone4(),
        new Falcon(),
        new Gemma(),
        new Gemma4(),
        new Glm4(),
        new Gpt2(),
        new GptNeoX(),
        new GptOss(),
        new Granite(),
        new GraniteHybrid(),
        new Hunyuan(),
        new Jais(),
        new Lfm2(),
        new Llama(),
        new Mamba2(),
        new MiniCpm(),
        new Mistral(),
        new ModernBert(),
        new Mpt(),
        new Olmo(),
        new Phi2(),
        new Phi3(),
        new PhiMoe(),
        new Plamo(),
        new Qwen(),
        new Qwen35(),
        new SeedOss(),
        new SmolLm3(),
        new StableLm(),
        new StarCoder2(),
    ];

    public static bool TryGet(string name, [NotNullWhen(true)] out Architecture? architecture)
    {
        architecture = All.FirstOrDefault(candidate => candidate.Names.Contains(name));
        return architecture is not null;
    }
}
