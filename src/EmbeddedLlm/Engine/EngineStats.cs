namespace EmbeddedLlm.Engine;

/// <summary>What an engine is doing, as of its last step.</summary>
/// <param name="Running">Requests that take part in steps.</param>
/// <param name="Waiting">Requests that wait for their turn or for memory.</param>
/// <param name="KvBlocks">KV blocks in all.</param>
/// <param name="KvBlocksUsed">KV blocks that running requests hold.</param>
/// <param name="KvBlocksCached">KV blocks whose content may be shared, held ones included.</param>
/// <param name="PromptTokens">Tokens of prompts taken in since the start.</param>
/// <param name="GeneratedTokens">Tokens handed over since the start.</param>
/// <param name="DraftedTokens">Draft tokens verified since the start.</param>
/// <param name="AcceptedTokens">Draft tokens that were right.</param>
internal readonly record struct EngineStats(
    int Running, int Waiting, int KvBlocks, int KvBlocksUsed, int KvBlocksCached, long PromptTokens, long GeneratedTokens,
    long DraftedTokens, long AcceptedTokens);
