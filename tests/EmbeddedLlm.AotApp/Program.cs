using EmbeddedLlm;
using EmbeddedLlm.Assembler;
using EmbeddedLlm.Hosting;
using EmbeddedLlm.Quantization;
using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

// Both doors of the library, in a native binary without a JIT: Load, and dependency injection.
using var model = LlmModel.Load(args[0]);
var direct = await model.AsIChatClient().GetResponseAsync("Hello", new() { MaxOutputTokens = 8, Seed = 1 });

var services = new ServiceCollection();
services.AddEmbeddedLlm().AddModel("chat", options => options.Path = args[0]);
await using var provider = services.BuildServiceProvider();
var injected = await provider.GetRequiredKeyedService<IChatClient>("chat").GetResponseAsync("Hello", new() { MaxOutputTokens = 8, Seed = 1 });

// Machine code that is made at run time, and called by code that was made before.
var path = Path.Combine(AppContext.BaseDirectory, "quantized.gguf");
TinyModel.Write(path, GgmlType.Q8_0);
using var quantized = LlmModel.Load(path, new LlmOptions { Backends = { new AssemblerBackend() } });
var assembled = await quantized.AsIChatClient().GetResponseAsync("Hello", new() { MaxOutputTokens = 8, Seed = 1 });

// A conversation goes to a file and comes back: JSON without reflection.
using var keeper = LlmModel.Load(args[0], new LlmOptions { Conversations = new() });
var saved = keeper.Conversations!.Create();
await keeper.AsIChatClient().GetResponseAsync("Hello", new() { ConversationId = saved, MaxOutputTokens = 8, Seed = 1 });
var file = Path.Combine(AppContext.BaseDirectory, "hello.conversation");
await keeper.Conversations.SaveAsync(saved, file);
var restored = keeper.Conversations.GetMessages(await keeper.Conversations.LoadAsync(file));

Console.WriteLine($"{direct.Usage!.OutputTokenCount} tokens: {direct.Text}");
return direct.Usage.OutputTokenCount > 0 && direct.Text == injected.Text && assembled.Usage!.OutputTokenCount > 0 && restored[^1].Text == direct.Text ? 0 : 1;
