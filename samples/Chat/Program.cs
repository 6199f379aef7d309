// A conversation on the console. Give the path of a GGUF file, or nothing for the repository's tiny model (which babbles).
using EmbeddedLlm;
using Microsoft.Extensions.AI;

var path = args.Length > 0 ? args[0] : Path.Combine(AppContext.BaseDirectory, "tiny.gguf");
using var model = LlmModel.Load(path);
IChatClient chat = model.AsIChatClient();

var history = new List<ChatMessage>();
Console.Write("> ");
while (Console.ReadLine() is { Length: > 0 } line)
{
    history.Add(new(ChatRole.User, line));
    var updates = new List<ChatResponseUpdate>();
    await foreach (var update in chat.GetStreamingResponseAsync(history, new() { MaxOutputTokens = 200 }))
    {
        Console.Write(update.Text);
        updates.Add(update);
    }

    history.AddMessages(updates);
    Console.Write("\n> ");
}
