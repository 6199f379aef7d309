using System.Diagnostics.CodeAnalysis;
using EmbeddedLlm.Backends;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace EmbeddedLlm.Hosting;

/// <summary>Models and backends of an app.</summary>
public static class EmbeddedLlmBuilderExtensions
{
    /// <summary>The configuration section whose children are the options of the models, by name.</summary>
    public const string ModelsSection = "EmbeddedLlm:Models";

    /// <summary>Adds a model whose options all come from the configuration section <c>EmbeddedLlm:Models:{name}</c>; otherwise as <see cref="AddModel(IEmbeddedLlmBuilder, string, Action{LlmOptions})"/>.</summary>
    /// <exception cref="ArgumentException">A model of this name was already added.</exception>
    public static IEmbeddedLlmBuilder AddModel(this IEmbeddedLlmBuilder builder, string name) => AddModel(builder, name, configure: static _ => { });

    /// <summary>
    /// Adds a model: a keyed <see cref="LlmModel"/> and a keyed <see cref="IChatClient"/>, and for the first of these models also both without a key.
    /// It is loaded once, at its first use (or at start, see <see cref="LlmOptions.LoadAtStart"/>), shared by all, and disposed with the
    /// services. A load that failed is tried again at the next use.
    /// </summary>
    /// <param name="builder">From <c>AddEmbeddedLlm()</c>.</param>
    /// <param name="name">The key, and the model's <see cref="LlmOptions.ModelId"/> unless that is set.</param>
    /// <param name="configure">Sets options; runs after the configuration section <c>EmbeddedLlm:Models:{name}</c>, if there is one, was bound.</param>
    /// <exception cref="ArgumentException">A model of this name was already added.</exception>
    public static IEmbeddedLlmBuilder AddModel(this IEmbeddedLlmBuilder builder, string name, Action<LlmOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Add(builder, name, Section(name), configure, isChat: true);
    }

    /// <summary>Adds a model whose options are bound from <paramref name="section"/>; otherwise as <see cref="AddModel(IEmbeddedLlmBuilder, string, Action{LlmOptions})"/>.</summary>
    /// <exception cref="ArgumentException">A model of this name was already added.</exception>
    public static IEmbeddedLlmBuilder AddModel(this IEmbeddedLlmBuilder builder, string name, IConfiguration section, Action<LlmOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(section);
        return Add(builder, name, _ => section, configure, isChat: true);
    }

    /// <summary>Adds an embedding model whose options all come from the configuration section <c>EmbeddedLlm:Models:{name}</c>; otherwise as <see cref="AddEmbeddingModel(IEmbeddedLlmBuilder, string, Action{LlmOptions})"/>.</summary>
    /// <exception cref="ArgumentException">A model of this name was already added.</exception>
    public static IEmbeddedLlmBuilder AddEmbeddingModel(this IEmbeddedLlmBuilder builder, string name) => AddEmbeddingModel(builder, name, configure: static _ => { });

    /// <summary>
    /// Adds an embedding model: a keyed <see cref="LlmModel"/> and a keyed <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> of strings to floats,
    /// and for the first embedding model also the generator without a key. Otherwise as <see cref="AddModel(IEmbeddedLlmBuilder, string, Action{LlmOptions})"/>.
    /// </summary>
    /// <inheritdoc cref="AddModel(IEmbeddedLlmBuilder, string, Action{LlmOptions})"/>
    public static IEmbeddedLlmBuilder AddEmbeddingModel(this IEmbeddedLlmBuilder builder, string name, Action<LlmOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return Add(builder, name, Section(name), configure, isChat: false);
    }

    /// <summary>Adds an embedding model whose options are bound from <paramref name="section"/>; otherwise as <see cref="AddEmbeddingModel(IEmbeddedLlmBuilder, string, Action{LlmOptions})"/>.</summary>
    /// <exception cref="ArgumentException">A model of this name was already added.</exception>
    public static IEmbeddedLlmBuilder AddEmbeddingModel(this IEmbeddedLlmBuilder builder, string name, IConfiguration section, Action<LlmOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(section);
        return Add(builder, name, _ => section, configure, isChat: false);
    }

    /// <summary>Adds a backend to choose from. The CPU is always there; the best offer wins unless <see cref="LlmOptions.Backend"/> names one.</summary>
    [Experimental("ELLM001")]
    public static IEmbeddedLlmBuilder AddBackend<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(this IEmbeddedLlmBuilder builder)
        where T : class, IBackend
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IBackend, T>());
        return builder;
    }

    private static Func<IServiceProvider, IConfiguration?> Section(string name) => services => services.GetService<IConfiguration>()?.GetSection($"{ModelsSection}:{name}");

    private static IEmbeddedLlmBuilder Add(IEmbeddedLlmBuilder builder, string name, Func<IServiceProvider, IConfiguration?> section, Action<LlmOptions>? configure, bool isChat)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var services = builder.Services;
        var others = services.Select(service => service.IsKeyedService ? null : service.ImplementationInstance).OfType<RegisteredModel>().ToList();
        if (others.Any(other => other.Name == name))
            throw new ArgumentException($"A model named '{name}' was already added.", nameof(name));

        services.AddSingleton(new RegisteredModel(name, isChat));
        services.AddOptions<LlmOptions>(name)
            .Configure<IServiceProvider>((options, provider) =>
            {
                if (section(provider) is { } bound)
                    Bind(bound, options, name);
                foreach (var backend in provider.GetServices<IBackend>())
                    options.Backends.Add(backend);
                configure?.Invoke(options);
                options.ModelId ??= name;
            })
            .ValidateOnStart();

        services.AddKeyedSingleton(name, (provider, _) => Load(provider, name));
        if (!isChat)
        {
            services.AddKeyedSingleton(name, (provider, _) => provider.GetRequiredKeyedService<LlmModel>(name).AsIEmbeddingGenerator());
            if (others.All(other => other.IsChat))
                services.TryAddSingleton(provider => provider.GetRequiredKeyedService<IEmbeddingGenerator<string, Embedding<float>>>(name));
            return builder;
        }

        services.AddKeyedSingleton(name, (provider, _) => provider.GetRequiredKeyedService<LlmModel>(name).AsIChatClient());
        if (!others.Any(other => other.IsChat))
        {
            services.TryAddSingleton(provider => provider.GetRequiredKeyedService<LlmModel>(name));
            services.TryAddSingleton(provider => provider.GetRequiredKeyedService<IChatClient>(name));
        }

        return builder;
    }

    private static void Bind(IConfiguration section, LlmOptions options, string name)
    {
        try
        {
            LlmOptionsBinder.Bind(section, options);
        }
        catch (InvalidOperationException exception)
        {
            throw new OptionsValidationException(name, typeof(LlmOptions), [$"Model '{name}': {exception.Message}"]);
        }
    }

    // The container calls this once at a time and keeps only what was returned, so a load that threw is repeated.
    // The factory is asked and not the monitor, which would remember that the options were invalid.
    private static LlmModel Load(IServiceProvider provider, string name)
    {
        var options = provider.GetRequiredService<IOptionsFactory<LlmOptions>>().Create(name);
        return LlmModel.Load(options.Path!, options, provider.GetService<ILoggerFactory>(), provider.GetService<TimeProvider>());
    }
}
