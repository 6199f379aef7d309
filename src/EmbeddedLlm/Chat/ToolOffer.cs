using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Syntax;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Chat;

/// <summary>The tools of a request, as templates describe them to the model and as the answer's parser knows them.</summary>
internal sealed class ToolOffer
{
    private readonly AIFunctionDeclaration[] _tools;

    private ToolOffer(AIFunctionDeclaration[] tools, RequiredChatToolMode? required)
    {
        _tools = tools;
        Tools = tools.Length == 0 ? OfferedTools.None : new(tools.Select(tool => (tool.Name, tool.JsonSchema)));
        MustCall = required is not null && tools.Length > 0;
        Callable = MustCall && required!.RequiredFunctionName is { } name ? Only(name) : Tools;
    }

    /// <summary>No tools.</summary>
    public static ToolOffer None { get; } = new([], null);

    /// <summary>Names and schemas.</summary>
    public OfferedTools Tools { get; }

    /// <summary>Those that may be called: all, or the one that must be.</summary>
    public OfferedTools Callable { get; }

    /// <summary>Whether the answer must be a call.</summary>
    public bool MustCall { get; }

    /// <summary>The functions among the tools; other kinds are a server's and mean nothing here.</summary>
    /// <exception cref="ArgumentException">The tool that must be called is not among them.</exception>
    public static ToolOffer From(ChatOptions? options) =>
        options?.ToolMode is NoneChatToolMode ? None : new([.. options?.Tools?.OfType<AIFunctionDeclaration>() ?? []], options?.ToolMode as RequiredChatToolMode);

    private OfferedTools Only(string name) => Tools.Contains(name)
        ? Tools.Only(name)
        : throw new ArgumentException($"ToolMode asks for a call of '{name}', which is not among the tools: {string.Join(", ", Tools.Names.Select(tool => $"'{tool}'"))}.");

    /// <summary>The tools as OpenAI's interface describes them; null where there are none.</summary>
    public JsonArray? ToJson() => _tools.Length == 0 ? null : new([.. _tools.Select(tool => (JsonNode)new JsonObject
    {
        ["type"] = "function",
        ["function"] = new JsonObject
        {
            ["name"] = tool.Name,
            ["description"] = tool.Description,
            ["parameters"] = tool.JsonSchema.ValueKind == JsonValueKind.Object ? JsonObject.Create(tool.JsonSchema) : new JsonObject { ["type"] = "object", ["properties"] = new JsonObject() },
        },
    })]);
}
