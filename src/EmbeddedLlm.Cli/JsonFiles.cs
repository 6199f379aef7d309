using System.Text.Json;
using System.Text.Json.Nodes;

namespace EmbeddedLlm.Cli;

/// <summary>Reads the JSON files that options name, with errors that name the file.</summary>
internal static class JsonFiles
{
    public static JsonNode Read(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path), documentOptions: new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true })
                ?? throw new LlmException($"{path} holds null.");
        }
        catch (JsonException exception)
        {
            throw new LlmException($"{path} is no valid JSON: {exception.Message}", exception);
        }
    }

    public static JsonArray ReadArray(string path) => Read(path) as JsonArray ?? throw new LlmException($"{path} should hold a JSON array.");

    public static JsonObject ReadObject(string path) => Read(path) as JsonObject ?? throw new LlmException($"{path} should hold a JSON object.");

    /// <summary>Token ids: <c>1,2,3</c>, or <c>@file</c> with a JSON array of them.</summary>
    public static int[] TokenIds(string text)
    {
        try
        {
            return text.StartsWith('@')
                ? [.. ReadArray(text[1..]).Select(id => id!.GetValue<int>())]
                : [.. text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, System.Globalization.CultureInfo.InvariantCulture))];
        }
        catch (Exception exception) when (exception is FormatException or OverflowException or InvalidOperationException or NullReferenceException)
        {
            throw new UsageException($"'{text}' is no list of token ids: expected 1,2,3 or @file.json with an array of integers.");
        }
    }
}
