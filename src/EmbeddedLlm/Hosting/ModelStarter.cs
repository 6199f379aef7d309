using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace EmbeddedLlm.Hosting;

/// <summary>Loads the models that ask for it when the host starts, one after the other: each load uses all cores.</summary>
internal sealed class ModelStarter(IServiceProvider services, IEnumerable<RegisteredModel> models, IOptionsMonitor<LlmOptions> options) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            foreach (var model in models.Where(model => options.Get(model.Name).LoadAtStart))
            {
                cancellationToken.ThrowIfCancellationRequested();
                services.GetRequiredKeyedService<LlmModel>(model.Name);
            }
        },
        cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
