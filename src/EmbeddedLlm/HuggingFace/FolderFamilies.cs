using System.Collections.Immutable;
using EmbeddedLlm.HuggingFace.Families;

namespace EmbeddedLlm.HuggingFace;

/// <summary>The table of classes: one line each.</summary>
internal static class FolderFamilies
{
    private static readonly ImmutableArray<FolderFamily> All =
    [
        new LlamaFolder(),
        new Qwen2Folder(),
        new Qwen3Folder(),
        new GemmaFolder(),
        new Gemma2Folder(),
        new Gemma3Folder(),
        new Phi3Folder(),
        new Gpt2Folder(),
        new GptNeoXFolder(),
    ];

    /// <summary>The family of what config.json calls its architecture.</summary>
    /// <exception cref="UnsupportedModelException">It is not known.</exception>
    public static FolderFamily Find(string file, string architecture) =>
        All.FirstOrDefault(family => family.Architectures.Contains(architecture))
        ?? throw new UnsupportedModelException(
            $"{file}: the architecture '{architecture}' is not supported as a folder. Supported: {string.Join(", ", All.SelectMany(family => family.Architectures).Order(StringComparer.Ordinal))}. More families load from a GGUF file; look for one of this model.");
}
