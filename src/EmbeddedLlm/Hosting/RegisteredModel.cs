namespace EmbeddedLlm.Hosting;

/// <summary>The name of a model that was added; one such service for each.</summary>
internal sealed record RegisteredModel(string Name);
