namespace EmbeddedLlm.Engine;

/// <summary>What the KV blocks look like that <see cref="PrefixBlocks"/> copies: only where all of it is the same can they be written again.</summary>
/// <param name="Name">The runner's name for it.</param>
/// <param name="BlockTokens">Positions in a block.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
internal sealed record PrefixLayout(string Name, int BlockTokens, int BlockBytes);
