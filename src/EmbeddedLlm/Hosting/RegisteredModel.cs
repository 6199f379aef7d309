namespace EmbeddedLlm.Hosting;

/// <summary>The name of a model that was added, and whether it was for chat; one such service for each.</summary>
internal sealed record RegisteredModel(string Name, bool IsChat);
