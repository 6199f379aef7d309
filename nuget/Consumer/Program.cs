using EmbeddedLlm.Assembler;
using EmbeddedLlm.Hosting;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

var services = new ServiceCollection();
TinyModel.Write("quantized.gguf", GgmlType.Q8_0);
services.AddEmbeddedLlm().UseAssembler()
    .AddModel("chat", options => options.Path = args[0])
    .AddModel("quantized", options => options.Path = "quantized.gguf");
await using var provider = services.BuildServiceProvider();

foreach (var name in (string[])["chat", "quantized"])
{
    var answer = await provider.GetRequiredKeyedService<IChatClient>(name).GetResponseAsync("Hello", new() { MaxOutputTokens = 8, Seed = 1 });
    Console.WriteLine($"{name}: {answer.Usage!.OutputTokenCount} tokens: {answer.Text}");
    if (answer.Usage.OutputTokenCount == 0)
        return 1;
}

return 0;
