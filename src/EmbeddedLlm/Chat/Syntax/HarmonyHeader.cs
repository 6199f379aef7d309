namespace EmbeddedLlm.Chat.Syntax;

/// <summary>
/// Headers of OpenAI's harmony format: <c>assistant to=functions.search&lt;|channel|&gt;commentary &lt;|constrain|&gt;json</c>, recipient
/// before or behind the channel. See https://cookbook.openai.com/articles/openai-harmony.
/// </summary>
internal static class HarmonyHeader
{
    private const string Channel = "<|channel|>";
    private const string Recipient = "to=";
    private const string Functions = "functions.";

    /// <summary>Reads a header. Where it has several channels the last counts.</summary>
    public static MessageTarget Read(string header)
    {
        var at = header.LastIndexOf(Channel, StringComparison.Ordinal);
        var channel = at < 0 ? "" : header[(at + Channel.Length)..].TrimStart();
        return new(Tool(header), channel.StartsWith("analysis", StringComparison.Ordinal));
    }

    private static string? Tool(string header)
    {
        var at = header.LastIndexOf(Recipient, StringComparison.Ordinal);
        if (at < 0)
            return null;
        var name = header[(at + Recipient.Length)..];
        name = name[..(name.AsSpan().IndexOfAny(" <\n") is >= 0 and var end ? end : name.Length)];
        return name is "" or "assistant" or "user" or "all" ? null
            : name.StartsWith(Functions, StringComparison.Ordinal) ? name[Functions.Length..]
            : name;
    }
}
