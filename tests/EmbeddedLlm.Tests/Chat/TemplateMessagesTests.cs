using System.Text.Encodings.Web;
using System.Text.Json;
using EmbeddedLlm.Chat;
using Microsoft.Extensions.AI;

namespace EmbeddedLlm.Tests.Chat;

public sealed class TemplateMessagesTests
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Map(string? instructions, params ChatMessage[] messages) => TemplateMessages.From(messages, instructions).ToJsonString(Plain);

    [Fact]
    public void From_Instructions_BecomeTheFirstSystemMessage() => Assert.Equal(
        """[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"system","content":"Be kind."}]""",
        Map("Be brief.", new(ChatRole.User, "Hi"), new(ChatRole.System, "Be kind.")));

    [Fact]
    public void From_InstructionsBeforeASystemMessage_JoinIt() => Assert.Equal(
        """[{"role":"system","content":"Be brief.\n\nBe kind."},{"role":"user","content":"Hi"}]""",
        Map("Be brief.", new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hi")));

    [Fact]
    public void From_WhatIsNoMessage_IsRefused()
    {
        var cycle = new List<object>();
        cycle.Add(cycle);
        ChatMessage[] refused = [null!, new(default, "x"), new(ChatRole.Tool, [new FunctionResultContent("7", cycle)]), new(ChatRole.Assistant, [new FunctionCallContent("7", "f", new Dictionary<string, object?> { ["a"] = cycle })])];
        Assert.All(refused, message => Assert.Throws<ArgumentException>(() => Map("Be brief.", message)));
    }

    [Fact]
    public void From_SeveralParts_AreJoined() => Assert.Equal(
        """[{"role":"user","content":"one two three"}]""",
        Map(null, new ChatMessage(ChatRole.User, [new TextContent("one "), new TextContent("two"), new UsageContent(), new DataContent(" three"u8.ToArray(), "text/plain")])));

    [Fact]
    public void From_EmptyMessages_StayMessages() => Assert.Equal(
        """[{"role":"system","content":""},{"role":"user","content":""},{"role":"assistant","content":""}]""",
        Map(null, new(ChatRole.System, []), new(ChatRole.User, []), new(ChatRole.Assistant, [])));

    [Fact]
    public void From_ToolCallsAndResults_AreTheirOwnMessages() => Assert.Equal(
        """
        [{"role":"assistant","content":"Let me see.","tool_calls":[{"id":"1","type":"function","function":{"name":"weather","arguments":{"city":"Bern","days":2}}},{"id":"2","type":"function","function":{"name":"time","arguments":{}}}]},{"role":"tool","content":"sunny","tool_call_id":"1","name":"weather"},{"role":"tool","content":"{\"hour\":7}","tool_call_id":"2","name":"time"}]
        """,
        Map(
            null,
            new ChatMessage(ChatRole.Assistant,
            [
                new TextContent("Let me see."),
                new FunctionCallContent("1", "weather", new Dictionary<string, object?> { ["city"] = "Bern", ["days"] = 2 }),
                new FunctionCallContent("2", "time"),
            ]),
            new ChatMessage(ChatRole.Tool,
            [
                new FunctionResultContent("1", "sunny"),
                new FunctionResultContent("2", JsonSerializer.SerializeToElement(new Dictionary<string, int> { ["hour"] = 7 })),
            ])));

    [Fact]
    public void From_AResultThatIsTextAsJson_IsTheText() => Assert.Equal(
        """[{"role":"tool","content":"sunny","tool_call_id":"1"}]""",
        Map(null, new ChatMessage(ChatRole.Tool, [new FunctionResultContent("1", JsonSerializer.SerializeToElement("sunny"))])));

    [Fact]
    public void From_Reasoning_IsKeptApart() => Assert.Equal(
        """[{"role":"assistant","content":"4","reasoning_content":"2+2"}]""",
        Map(null, new ChatMessage(ChatRole.Assistant, [new TextReasoningContent("2+2"), new TextContent("4")])));

    [Fact]
    public void From_Image_IsRefusedByName()
    {
        var image = new ChatMessage(ChatRole.User, [new TextContent("What is this?"), new DataContent(new byte[] { 1 }, "image/png")]);
        Assert.Contains("image/png", Assert.Throws<NotSupportedException>(() => Map(null, image)).Message, StringComparison.Ordinal);

        var link = new ChatMessage(ChatRole.User, [new UriContent("https://example.org/a.pdf", "application/pdf")]);
        Assert.Contains("application/pdf", Assert.Throws<NotSupportedException>(() => Map(null, link)).Message, StringComparison.Ordinal);
    }
}
