using Microsoft.Extensions.AI;
using Scripted = EmbeddedLlm.Testing.ScriptedModel;

namespace EmbeddedLlm.Tests.Chat.Contract;

/// <summary>
/// Every kind of content in a message is written into the prompt, skipped as it says nothing to a model, or refused as the model cannot read it. The kinds
/// are read from the package: one that a later version brings fails here until somebody decides. What is written, and how: <see cref="TemplateMessagesTests"/>.
/// </summary>
public sealed class ContentContractTests
{
    private static readonly FunctionCallContent Call = new("1", "look", new Dictionary<string, object?> { ["where"] = "up" });

    private static readonly Dictionary<string, (AIContent Content, string Written)[]> Written = new()
    {
        [nameof(TextContent)] = [(new TextContent("middle"), "beginmiddleend"), (new TextContent(""), "beginend")],
        [nameof(TextReasoningContent)] = [(new TextReasoningContent("thought"), "thinks thought"), (new TextReasoningContent(null) { ProtectedData = "encrypted" }, "beginend")],
        [nameof(DataContent)] = [(new DataContent("middle"u8.ToArray(), "text/plain"), "beginmiddleend"), (new DataContent("data:text/csv,1;2"), "begin1;2end")],
        [nameof(FunctionCallContent)] = [(Call, """{"name": "look", "arguments": {"where": "up"}}"""), (new FunctionCallContent("2", "bare"), """{"name": "bare", "arguments": {}}""")],
        [nameof(FunctionResultContent)] = [(new FunctionResultContent("1", "raw \"text\""), "raw \"text\""), (new FunctionResultContent("1", new { sky = "blue" }), """{"sky":"blue"}""")],
    };

    private static readonly Dictionary<string, AIContent> Skipped = new()
    {
        [nameof(AIContent)] = new(),
        [nameof(UsageContent)] = new UsageContent(new() { InputTokenCount = 3 }),
        [nameof(ErrorContent)] = new ErrorContent("It went wrong."),
        [nameof(ToolCallContent)] = new ToolCallContent("1"),
        [nameof(ToolResultContent)] = new ToolResultContent("1"),
        [nameof(ToolApprovalRequestContent)] = new ToolApprovalRequestContent("1", Call),
        [nameof(ToolApprovalResponseContent)] = new ToolApprovalResponseContent("1", approved: true, Call),
        [nameof(CodeInterpreterToolCallContent)] = new CodeInterpreterToolCallContent("1"),
        [nameof(CodeInterpreterToolResultContent)] = new CodeInterpreterToolResultContent("1"),
        [nameof(ImageGenerationToolCallContent)] = new ImageGenerationToolCallContent("1"),
        [nameof(ImageGenerationToolResultContent)] = new ImageGenerationToolResultContent("1"),
        [nameof(McpServerToolCallContent)] = new McpServerToolCallContent("1", "look", "server"),
        [nameof(McpServerToolResultContent)] = new McpServerToolResultContent("1"),
        [nameof(WebSearchToolCallContent)] = new WebSearchToolCallContent("1"),
        [nameof(WebSearchToolResultContent)] = new WebSearchToolResultContent("1"),
        [nameof(OwnContent)] = new OwnContent(),
    };

    private static readonly Dictionary<string, (AIContent Content, string Named)[]> Refused = new()
    {
        [nameof(DataContent)] = [(new DataContent(new byte[] { 1 }, "image/png"), "image/png"), (new DataContent(new byte[] { 1 }, "application/pdf"), "application/pdf")],
        [nameof(UriContent)] = [(new UriContent("https://example.org/a.png", "image/png"), "https://example.org/a.png")],
        [nameof(HostedFileContent)] = [(new HostedFileContent("file"), "hosted")],
        [nameof(HostedVectorStoreContent)] = [(new HostedVectorStoreContent("store"), "hosted")],
    };

    public static MatrixTheoryData<string, bool> Kinds => new(
        [nameof(OwnContent), .. typeof(AIContent).Assembly.GetExportedTypes().Where(type => type.IsAssignableTo(typeof(AIContent)) && type.GetConstructors().Length > 0).Select(type => type.Name)],
        [false, true]);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Kind_OfThePackage_IsWrittenSkippedOrRefused(string kind, bool streams)
    {
        var isKnown = false;
        if (Written.TryGetValue(kind, out var written))
        {
            isKnown = true;
            foreach (var (content, text) in written)
                Assert.Contains(text, await PromptAsync(streams, content), StringComparison.Ordinal);
        }

        if (Skipped.TryGetValue(kind, out var skipped))
        {
            isKnown = true;
            Assert.Equal(await PromptAsync(streams), await PromptAsync(streams, skipped));
        }

        foreach (var (content, named) in Refused.GetValueOrDefault(kind, []))
        {
            isKnown = true;
            var refused = await Assert.ThrowsAsync<NotSupportedException>(() => PromptAsync(streams, content));
            Assert.Contains(named, refused.Message, StringComparison.Ordinal);
        }

        Assert.True(isKnown, $"{kind} is new: write it, skip it or refuse it, say so in the guide, and add a case here.");
    }

    private static async Task<string> PromptAsync(bool streams, params AIContent[] contents)
    {
        using var scripted = new Scripted(_ => "Yes.", new() { ChatTemplate = ToolTemplates.Complete });
        await scripted.Client.AskAsync(streams, [new(ChatRole.User, "Well?"), new(ChatRole.Assistant, [new TextContent("begin"), .. contents, new TextContent("end")])]);
        return scripted.Prompts[0];
    }

    /// <summary>What an app may make up for itself.</summary>
    private sealed class OwnContent : AIContent;
}
