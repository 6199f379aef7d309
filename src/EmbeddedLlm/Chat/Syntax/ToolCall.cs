using System.Text.Json;

namespace EmbeddedLlm.Chat.Syntax;

/// <summary>A call of a tool as the model wrote it.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">The arguments as a JSON object; as far as they came where the call is broken.</param>
/// <param name="Id">What the model calls this call, where its format has that.</param>
/// <param name="Problem">Why the call is broken; null for one that can be made.</param>
internal sealed record ToolCall(string Name, string Arguments, string? Id = null, string? Problem = null)
{
    /// <summary>The problem of a call whose answer ended before it did.</summary>
    public const string Cut = "The answer ended within the call.";

    /// <summary>Why a text cannot be the arguments of a call; null for a JSON object.</summary>
    public static string? ProblemOf(string arguments)
    {
        try
        {
            using var parsed = JsonDocument.Parse(arguments);
            return parsed.RootElement.ValueKind == JsonValueKind.Object ? null : $"The arguments are no JSON object but a JSON {parsed.RootElement.ValueKind}.";
        }
        catch (JsonException e)
        {
            return $"The arguments are no JSON from byte {e.BytePositionInLine} of line {e.LineNumber} on.";
        }
    }
}
