using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Cli;

namespace EmbeddedLlm.Tests.Cli;

public sealed class MessageFileTests : IDisposable
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""[{"role":"system","content":""},{"role":"user","content":"Hi"}]""")]
    [InlineData("""[{"role":"assistant","content":"4","reasoning_content":"2+2"}]""")]
    [InlineData("""[{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"weather","arguments":{"city":"Bern","days":[1,null],"deep":{"x":1.50}}}},{"id":"b","type":"function","function":{"name":"time","arguments":{}}}]},{"role":"tool","content":"sunny","tool_call_id":"a","name":"weather"},{"role":"tool","content":"","tool_call_id":"b","name":"time"}]""")]
    public void Read_LosesNothing_OnTheWayToTheTemplate(string json) => Assert.Equal(json, ToTemplate(json));

    [Fact]
    public void Read_TakesWhatOpenAIWrites() => Assert.Equal(
        """[{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":{"x":1}}}]},{"role":"tool","content":"12","tool_call_id":"a","name":"f"}]""",
        ToTemplate("""[{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"1"},{"type":"text","text":"2"}]}]"""));

    [Theory]
    [InlineData("""{"content": "x"}""", "role")]
    [InlineData("""{"role": "user", "content": "x", "name": "Anna"}""", "'name'")]
    [InlineData("""{"role": "user", "content": "x", "tool_call_id": "a"}""", "'tool_call_id'")]
    [InlineData("""{"role": "user", "content": 1}""", "content")]
    [InlineData("""{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}""", "part")]
    [InlineData("""{"role": "user", "content": [{"type": "text", "text": "x", "cache": 1}]}""", "'cache'")]
    [InlineData("""{"role": "assistant", "refusal": "x"}""", "'refusal'")]
    [InlineData("""{"role": "assistant", "reasoning_content": 1}""", "reasoning_content")]
    [InlineData("""{"role": "assistant", "tool_calls": {}}""", "tool_calls")]
    [InlineData("""{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}""", "tool call")]
    [InlineData("""{"role": "assistant", "tool_calls": [{"id": "a", "index": 0, "function": {"name": "f"}}]}""", "'index'")]
    [InlineData("""{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{"}}]}""", "arguments")]
    [InlineData("""{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": [1]}}]}""", "arguments")]
    [InlineData("""{"role": "tool", "content": "x"}""", "tool_call_id")]
    [InlineData("""{"role": "tool", "content": "x", "tool_call_id": "a", "name": "f"}""", "'a'")]
    public void Read_RefusesByName_WhatWouldBeLost(string message, string expected)
    {
        var failure = Assert.Throws<LlmException>(() => ToTemplate($$"""[{"role": "user", "content": "x"}, {{message}}]"""));

        Assert.Contains("message 1", failure.Message, StringComparison.Ordinal);
        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
    }

    private string ToTemplate(string json)
    {
        var path = _folder.File("messages.json");
        File.WriteAllText(path, json);
        return TemplateMessages.From(MessageFile.Read(path), null).ToJsonString(Plain);
    }
}
