using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace EmbeddedLlm.Tests.Chat;

/// <summary>Reasoning through the client of a scripted model.</summary>
public sealed class ReasoningTests
{
    private static readonly ChatMessage[] Hi = [new(ChatRole.User, "Hi")];

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private static ScriptedModel Model(string answer, Action<string>? prompts = null, string? template = null) => ScriptedModel.Answering(
        prompt =>
        {
            prompts?.Invoke(prompt);
            return ScriptedModel.Tokenizer.Encode(answer, addSpecial: false, parseSpecial: true);
        },
        template: template);

    [Fact]
    public async Task GetStreamingResponseAsync_Reasoning_ComesBeforeTheText()
    {
        using var model = Model("<think>One.\nTwo.\n</think>\n\nThree.", template: ToolTemplates.Switched);

        var updates = await model.Client.GetStreamingResponseAsync(Hi, cancellationToken: Test).ToListAsync(Test);

        Assert.Equal("Three.", string.Concat(updates.Select(update => update.Text)));
        var reasoning = updates.SelectMany(update => update.Contents).OfType<TextReasoningContent>().ToArray();
        Assert.Equal("One.\nTwo.", string.Concat(reasoning.Select(content => content.Text)));
        Assert.True(reasoning.Length > 2); // as it comes
        var message = Assert.Single(updates.ToChatResponse().Messages);
        Assert.Equal([typeof(TextReasoningContent), typeof(TextContent)], message.Contents.Select(content => content.GetType()));
    }

    [Fact]
    public async Task GetResponseAsync_ReasoningBegunByThePrompt_IsToldApartAndCounted()
    {
        using var model = Model("One.\n</think>\n\nTwo.", template: ToolTemplates.Thinking);

        var response = await model.Client.GetResponseAsync(Hi, cancellationToken: Test);

        Assert.Equal("Two.", response.Text);
        Assert.Equal("One.", Assert.IsType<TextReasoningContent>(response.Messages[0].Contents[0]).Text);
        Assert.Equal("One.\n".Length + 1, response.Usage!.ReasoningTokenCount);
        Assert.True(response.Usage.ReasoningTokenCount < response.Usage.OutputTokenCount);
    }

    [Fact]
    public async Task GetResponseAsync_OutputNone_GivesNoReasoningAndCountsIt()
    {
        using var model = Model("One.\n</think>\n\nTwo.", template: ToolTemplates.Thinking);

        var response = await model.Client.GetResponseAsync(Hi, new() { Reasoning = new() { Output = ReasoningOutput.None } }, Test);

        Assert.Equal("Two.", Assert.IsType<TextContent>(Assert.Single(response.Messages[0].Contents)).Text);
        Assert.True(response.Usage!.ReasoningTokenCount > 0);
    }

    [Fact]
    public async Task GetResponseAsync_ReasoningCutByTheBudget_IsReasoning()
    {
        using var model = Model("One. Two. Three.", template: ToolTemplates.Thinking);

        var response = await model.Client.GetResponseAsync(Hi, new() { MaxOutputTokens = 4 }, Test);

        Assert.Equal(("", ChatFinishReason.Length), (response.Text, response.FinishReason));
        Assert.Equal("One.", Assert.IsType<TextReasoningContent>(Assert.Single(response.Messages[0].Contents)).Text);
    }

    [Fact]
    public async Task GetResponseAsync_NoReasoning_IsTextAlone()
    {
        using var model = Model("Hello");

        var response = await model.Client.GetResponseAsync(Hi, cancellationToken: Test);

        Assert.IsType<TextContent>(Assert.Single(response.Messages[0].Contents));
        Assert.Equal(0, response.Usage!.ReasoningTokenCount);
    }

    [Theory]
    [InlineData(ToolTemplates.Switched)] // has a switch
    [InlineData(ToolTemplates.Thinking)] // has none: the prompt ends what it began
    public async Task GetResponseAsync_EffortNone_EndsTheReasoningInThePrompt(string template)
    {
        string? prompt = null;
        using var model = Model("Hello", text => prompt = text, template);

        var response = await model.Client.GetResponseAsync(Hi, new() { Reasoning = new() { Effort = ReasoningEffort.None } }, Test);

        Assert.EndsWith("<|im_start|>assistant\n<think>\n\n</think>\n\n", prompt, StringComparison.Ordinal);
        Assert.Equal("Hello", response.Text);
        Assert.Equal(0, response.Usage!.ReasoningTokenCount);
    }

    [Fact]
    public async Task GetResponseAsync_EffortHigh_LeavesTheReasoning()
    {
        string? prompt = null;
        using var model = Model("<think>Hm.</think>Hello", text => prompt = text, ToolTemplates.Switched);

        var response = await model.Client.GetResponseAsync(Hi, new() { Reasoning = new() { Effort = ReasoningEffort.High } }, Test);

        Assert.EndsWith("<|im_start|>assistant\n", prompt, StringComparison.Ordinal);
        Assert.Equal("Hello", response.Text);
    }

    [Theory]
    [InlineData("message.thinking")]
    [InlineData("message['reasoning']")]
    [InlineData("message.reasoning_content")]
    public async Task GetResponseAsync_EarlierReasoning_StandsWhereTheTemplateLooksForIt(string member)
    {
        var prompts = new List<string>();
        var template = $"{{% for message in messages %}}{{{{ '<|im_start|>' ~ message.role ~ '\\n' ~ (({member}) or '') ~ '|' ~ message.content ~ '<|im_end|>\\n' }}}}{{% endfor %}}{{{{ '<|im_start|>assistant\\n' }}}}";
        using var model = Model("Three.", prompts.Add, template);

        await model.Client.GetResponseAsync([Hi[0], new(ChatRole.Assistant, [new TextReasoningContent("One."), new TextContent("Two.")]), Hi[0]], cancellationToken: Test);

        Assert.Contains("One.|Two.", prompts[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("I look.", false)]
    public void Adapt_CallsOfGptOss_HaveAThoughtOrAText(string text, bool hasThought)
    {
        var template = EmbeddedLlm.Chat.Templates.ChatTemplate.Create("{{ messages[0] and message.thinking }}", null, null, false);
        var messages = EmbeddedLlm.Chat.TemplateMessages.From([new(ChatRole.Assistant, [new TextReasoningContent("One."), new TextContent(text), new FunctionCallContent("1", "look")])], null);

        EmbeddedLlm.Chat.ReasoningMember.Adapt(messages, template);

        Assert.Equal(hasThought, messages[0]!.AsObject().ContainsKey("thinking"));
        Assert.False(messages[0]!.AsObject().ContainsKey("reasoning_content"));
    }

    [Fact]
    public async Task GetResponseAsync_EffortWithoutASwitch_IsToldOnce()
    {
        var logs = new FakeLoggerProvider();
        using var factory = LoggerFactory.Create(builder => builder.AddProvider(logs));
        using var model = ScriptedModel.Answering(_ => ScriptedModel.Tokens("Hi"), logs: factory);

        for (var i = 0; i < 2; i++)
            await model.Client.GetResponseAsync(Hi, new() { Reasoning = new() { Effort = ReasoningEffort.High } }, Test);

        Assert.Single(logs.Collector.GetSnapshot(), record => record.Id.Id == 2026);
    }
}
