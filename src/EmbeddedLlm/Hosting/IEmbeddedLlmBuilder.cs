using Microsoft.Extensions.DependencyInjection;

namespace EmbeddedLlm.Hosting;

/// <summary>Where models and backends are registered; from <see cref="EmbeddedLlmServiceCollectionExtensions.AddEmbeddedLlm"/>.</summary>
public interface IEmbeddedLlmBuilder
{
    /// <summary>The services that are registered to.</summary>
    IServiceCollection Services { get; }
}
