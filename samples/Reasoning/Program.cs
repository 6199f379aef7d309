// What a model thinks before it answers. Give the path of a GGUF file of a model that reasons, or nothing for a script in place of one: the
// repository's tiny model has learned no such thing.
using EmbeddedLlm;
using EmbeddedLlm.Testing;
using Microsoft.Extensions.AI;

using var scripted = args.Length > 0 ? null : new ScriptedModel("<think>Three boxes of four: 3 * 4 = 12.</think>\n\nTwelve.", "Twelve.");
using var model = scripted?.Model ?? LlmModel.Load(args[0]);
IChatClient chat = model.AsIChatClient();

foreach (var effort in (ReasoningEffort[])[ReasoningEffort.High, ReasoningEffort.None])
{
    var options = new ChatOptions { Reasoning = new() { Effort = effort }, MaxOutputTokens = 1000 };
    List<ChatResponseUpdate> updates = [];
    Console.Write($"{effort}: ");
    await foreach (var update in chat.GetStreamingResponseAsync("How many eggs are in three boxes of four?", options))
    {
        foreach (var content in update.Contents)
            Console.Write(content is TextReasoningContent thought ? $"({thought.Text})" : content is TextContent text ? text.Text : "");
        updates.Add(update);
    }

    var usage = updates.ToChatResponse().Usage!;
    Console.WriteLine($"\n   {usage.ReasoningTokenCount} of {usage.OutputTokenCount} tokens are reasoning");
}
