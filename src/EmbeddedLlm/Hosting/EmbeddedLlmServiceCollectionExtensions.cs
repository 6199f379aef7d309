using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace EmbeddedLlm.Hosting;

/// <summary>Brings EmbeddedLlm into an app's services.</summary>
public static class EmbeddedLlmServiceCollectionExtensions
{
    /// <summary>
    /// Adds what models need; models themselves are added with <c>.AddModel("chat", …)</c>. May be called any number of times.
    /// </summary>
    public static IEmbeddedLlmBuilder AddEmbeddedLlm(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<LlmOptions>, LlmOptionsValidator>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, ModelStarter>());
        return new Builder(services);
    }

    private sealed class Builder(IServiceCollection services) : IEmbeddedLlmBuilder
    {
        public IServiceCollection Services => services;
    }
}
