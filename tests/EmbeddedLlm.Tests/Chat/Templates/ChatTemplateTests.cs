using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Templates;

namespace EmbeddedLlm.Tests.Chat.Templates;

public class ChatTemplateTests
{
    private static readonly JsonArray Messages = JsonNode.Parse("""[ { "role": "system", "content": "Be brief." }, { "role": "user", "content": " 2+2?\n" }, { "role": "assistant", "content": null } ]""")!.AsArray();

    [Fact]
    public void Create_WithSource_UsesTheModelsTemplate()
    {
        var template = ChatTemplate.Create("{{ bos_token }}{% for m in messages %}{{ m.role }};{% endfor %}{{ add_generation_prompt }}{{ tools is none }}{{ documents is none }}{{ eos_token is defined }}{{ enable_thinking }}", "<s>", null, vocabularyHasChatMl: true);
        Assert.Equal(ChatTemplateKind.Model, template.Kind);
        Assert.Empty(template.StopStrings);
        Assert.True(template.SupportsTools);
        Assert.Equal("<s>system;user;assistant;TrueTrueTrueFalseFalse", template.Render(Messages, extra: new JsonObject { ["enable_thinking"] = false }));
        Assert.Equal("<s>system;user;assistant;FalseFalseTrueFalse", template.Render(Messages, new JsonArray(new JsonObject()), addGenerationPrompt: false));
    }

    [Fact]
    public void Render_Extra_HidesStandardVariables() =>
        Assert.Equal("x[1]", ChatTemplate.Create("{{ bos_token }}{{ documents }}", "<s>", null, false).Render([], extra: new JsonObject { ["bos_token"] = "x", ["documents"] = new JsonArray(1) }));

    [Fact]
    public void Create_WithoutSource_TakesChatMlWhereTheVocabularyHasIt()
    {
        var template = ChatTemplate.Create("", "<s>", "</s>", vocabularyHasChatMl: true);
        Assert.Equal(ChatTemplateKind.ChatMl, template.Kind);
        Assert.Equal(["<|im_end|>"], template.StopStrings);
        Assert.Equal("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n 2+2?\n<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n<|im_start|>assistant\n", template.Render(Messages));
        Assert.Equal("<|im_start|>system\nBe brief.<|im_end|>\n", template.Render([Messages[0]!.DeepClone()], addGenerationPrompt: false));
    }

    [Fact]
    public void Create_WithoutSourceAndChatMl_WritesLines()
    {
        var template = ChatTemplate.Create(null, null, null, vocabularyHasChatMl: false);
        Assert.Equal(ChatTemplateKind.Plain, template.Kind);
        Assert.Equal("system: Be brief.\nuser: 2+2?\nassistant: \nassistant:", template.Render(Messages));
        Assert.Contains("\nuser:", template.StopStrings);
        Assert.False(template.SupportsTools);
    }

    [Fact]
    public void Render_ToolsWithoutOwnTemplate_AreRefused() =>
        Assert.Throws<LlmException>(() => ChatTemplate.Create(null, null, null, true).Render(Messages, new JsonArray(new JsonObject())));

    [Fact]
    public void Create_BrokenSource_Fails() => Assert.Throws<JinjaException>(() => ChatTemplate.Create("{% if %}", null, null, true));
}
