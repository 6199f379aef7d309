using System.Text.Json.Nodes;
using EmbeddedLlm.Chat;
using EmbeddedLlm.Chat.Templates;

namespace EmbeddedLlm.Tests.Chat;

public sealed class TemplateCallsTests
{
    public static TheoryData<string> Templates() => Golden.IsPresent
        ? [.. Directory.GetFiles(Golden.Path("templates", "templates")).Where(file => File.ReadAllText(file).Contains("tool_calls", StringComparison.Ordinal)).Select(file => Path.GetFileName(file)).Order()]
        : [];

    // They change a list and write a generator as JSON, both of which transformers refuses as well.
    private static readonly string[] Failing = ["Kimi-K2-Thinking.jinja", "llama-cpp-deepseek-r1.jinja"];

    /// <summary>A call of the history stands in the prompt with its argument, in whatever form the template takes it.</summary>
    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Templates), DisableDiscoveryEnumeration = true)]
    public void Adapt_Call_StandsInThePrompt(string name)
    {
        var template = ChatTemplate.Create(File.ReadAllText(Golden.Path("templates", "templates", name)), "<s>", "</s>", vocabularyHasChatMl: false);
        var messages = JsonNode.Parse("""
            [
              {"role": "user", "content": "Weather?"},
              {"role": "assistant", "content": "", "tool_calls": [{"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "Bern"}}}]},
              {"role": "tool", "name": "weather", "tool_call_id": "abcdefghi", "content": "sunny"}
            ]
            """)!.AsArray();
        var tools = JsonNode.Parse("""[{"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "A town."}}}}}]""")!.AsArray();

        new TemplateCalls(template).Adapt(messages);
        if (Failing.Contains(name))
        {
            Assert.Throws<JinjaException>(() => template.Render(messages, tools));
            return;
        }

        var text = template.Render(messages, tools);

        Assert.Contains("Bern", text, StringComparison.Ordinal);
        Assert.DoesNotContain("'city'", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\\\"city", text, StringComparison.Ordinal);
    }
}
