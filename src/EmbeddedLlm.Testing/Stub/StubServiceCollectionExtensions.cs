using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace EmbeddedLlm.Testing;

/// <summary>Stubs in an app's services.</summary>
public static class StubServiceCollectionExtensions
{
    /// <summary>
    /// Puts a stub in place of the app's <see cref="IChatClient"/>, with what was built around that, and registers the <see cref="StubChatClient"/> itself,
    /// for its asserts. Models are then no longer loaded or checked when the host starts, so their files need not exist.
    /// </summary>
    /// <param name="services">The app's services, after the app has added its own.</param>
    /// <param name="configure">Makes the rules.</param>
    public static IServiceCollection AddStubChatClient(this IServiceCollection services, Action<StubChatClient> configure) => Add(services, null, configure);

    /// <summary>As <see cref="AddStubChatClient"/>, for the client of a key.</summary>
    /// <param name="services">The app's services, after the app has added its own.</param>
    /// <param name="serviceKey">The key, such as the name of a model.</param>
    /// <param name="configure">Makes the rules.</param>
    public static IServiceCollection AddKeyedStubChatClient(this IServiceCollection services, object serviceKey, Action<StubChatClient> configure)
    {
        ArgumentNullException.ThrowIfNull(serviceKey);
        return Add(services, serviceKey, configure);
    }

    private static IServiceCollection Add(IServiceCollection services, object? key, Action<StubChatClient> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        StubChatClient Create(IServiceProvider provider)
        {
            var client = new StubChatClient(key as string ?? "stub", provider.GetService<TimeProvider>());
            configure(client);
            return client;
        }

        if (key is null)
        {
            services.RemoveAll<IChatClient>();
            services.AddSingleton(Create);
            services.AddSingleton<IChatClient>(provider => provider.GetRequiredService<StubChatClient>());
        }
        else
        {
            services.RemoveAllKeyed<IChatClient>(key);
            services.AddKeyedSingleton(key, (provider, _) => Create(provider));
            services.AddKeyedSingleton<IChatClient>(key, (provider, _) => provider.GetRequiredKeyedService<StubChatClient>(key));
        }

        services.RemoveAll<IValidateOptions<LlmOptions>>();
        services.PostConfigureAll<LlmOptions>(options => options.LoadAtStart = false);
        return services;
    }
}
