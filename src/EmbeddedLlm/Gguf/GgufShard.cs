using System.Collections.Immutable;

namespace EmbeddedLlm.Gguf;

/// <summary>What the header of one file says; a model is one such file or several.</summary>
internal sealed record GgufShard(int Version, int Alignment, GgufMetadata Metadata, ImmutableArray<GgufTensor> Tensors);
