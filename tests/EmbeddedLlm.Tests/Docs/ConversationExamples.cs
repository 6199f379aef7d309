using EmbeddedLlm.Conversations;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Docs;

/// <summary>The C# blocks of docs/conversations.md, run as written on the tiny model. <see cref="House.DocsTests"/> holds the page against this file.</summary>
public sealed class ConversationExamples : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Keep()
    {
        var path = Golden.TinyModel;
        var file = _folder.File("whales.conversation");

        using var model = LlmModel.Load(path, new LlmOptions { Conversations = new() });
        var chat = model.AsIChatClient();
        var conversations = model.Conversations!;

        var id = conversations.Create([new(ChatRole.System, "Answer briefly.")]);
        var options = new ChatOptions { ConversationId = id, MaxOutputTokens = 30 };
        Console.WriteLine(await chat.GetResponseAsync("What is a whale?", options));
        Console.WriteLine(await chat.GetResponseAsync("And a dolphin?", options));
        Console.WriteLine($"{conversations.GetMessages(id).Count} messages");

        Assert.Same(conversations, chat.GetService<IConversations>());

        await conversations.SaveAsync(id, file);
        conversations.Remove(id);

        var restored = await conversations.LoadAsync(file); // perhaps in another process
        var answer = await chat.GetResponseAsync("Why?", new ChatOptions { ConversationId = restored, MaxOutputTokens = 30 });
        Console.WriteLine($"{answer.Usage!.CachedInputTokenCount} of {answer.Usage.InputTokenCount} tokens need not be computed");

        Assert.True(answer.Usage.CachedInputTokenCount > 0);
        Assert.Equal(7, conversations.GetMessages(restored).Count);
    }
}
