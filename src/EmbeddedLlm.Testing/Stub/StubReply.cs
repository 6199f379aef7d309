using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Testing;

/// <summary>One answer of a rule, as it was described.</summary>
internal sealed class StubReply
{
    /// <summary>What makes its contents, in order.</summary>
    public List<Func<StubRequest, AIContent>> Contents { get; } = [];

    /// <summary>What is thrown behind the contents.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Cuts a text into the pieces of a stream.</summary>
    public Func<string, IEnumerable<string>> Cut { get; set; } = Words;

    public TimeSpan Before { get; set; }

    public TimeSpan BetweenChunks { get; set; }

    public UsageDetails? Usage { get; set; }

    public ChatFinishReason? FinishReason { get; set; }

    /// <summary>Whether there is nothing to answer with.</summary>
    public bool IsEmpty => Contents.Count == 0 && Failure is null;

    /// <summary>Words with the spaces before them, as tokens often are.</summary>
    public static IEnumerable<string> Words(string text)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = start + 1;
            while (end < text.Length && !(char.IsWhiteSpace(text[end]) && !char.IsWhiteSpace(text[end - 1])))
                end++;
            yield return text[start..end];
            start = end;
        }
    }
}
