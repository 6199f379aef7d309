using System.Security.Cryptography;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>Ids for calls of tools, each used once in a conversation.</summary>
internal sealed class CallIds(IEnumerable<ChatMessage> messages)
{
    // Nine letters and digits: the only form that the templates of all families take.
    private const string Characters = "abcdefghijklmnopqrstuvwxyz0123456789";
    private const int Length = 9;

    private readonly HashSet<string> _used = [.. messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().Select(call => call.CallId)];

    /// <summary>The id that the model gave, if it is new; else another.</summary>
    public string Next(string? given)
    {
        if (given is { Length: > 0 } && _used.Add(given))
            return given;
        string id;
        do
        {
            id = RandomNumberGenerator.GetString(Characters, Length);
        }
        while (!_used.Add(id));

        return id;
    }
}
