using EmbeddedLlm.Hosting;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

var services = new ServiceCollection();
services.AddEmbeddedLlm().AddModel("chat", options => options.Path = args[0]);
await using var provider = services.BuildServiceProvider();

var answer = await provider.GetRequiredService<IChatClient>().GetResponseAsync("Hello", new() { MaxOutputTokens = 8, Seed = 1 });
Console.WriteLine($"{answer.Usage!.OutputTokenCount} tokens: {answer.Text}");
return answer.Usage.OutputTokenCount > 0 ? 0 : 1;
