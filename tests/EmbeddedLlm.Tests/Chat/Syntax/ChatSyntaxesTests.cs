using System.Text.Json;
using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Tests.Chat.Syntax;

public sealed class ChatSyntaxesTests
{
    private static readonly OfferedTools Tools = new([("get_time", JsonDocument.Parse("""{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}}}""").RootElement)]);

    [Theory]
    [InlineData("Apertus-8B-Instruct", "Apertus")]
    [InlineData("Bielik-11B-v3.0-Instruct", "Hermes, Qwen")]
    [InlineData("ByteDance-Seed-OSS", "Seed-OSS")]
    [InlineData("GigaChat3-10B-A1.8B", "GigaChat")]
    [InlineData("Kimi-K2-Thinking", "Kimi K2")]
    [InlineData("Kimi-K3", "Kimi K3")]
    [InlineData("MiniMax-M1", "MiniMax M1")]
    [InlineData("Mistral-Small-3.2-24B-Instruct-2506", "Mistral v11, v13")]
    [InlineData("NVIDIA-Nemotron-Nano-v2", "Nemotron")]
    [InlineData("Qwen-QwQ-32B", "Hermes, Qwen")]
    [InlineData("Qwen-Qwen3-0.6B", "Hermes, Qwen")]
    [InlineData("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "DeepSeek R1")]
    [InlineData("deepseek-ai-DeepSeek-V3.1", "DeepSeek V3.1")]
    [InlineData("deepseek-ai-DeepSeek-V4", "DeepSeek V3.2, V4")]
    [InlineData("google-gemma-2-2b-it", "generic")]
    [InlineData("google-gemma-4-31B-it", "Gemma 4")]
    [InlineData("ibm-granite-granite-3.3-2B-Instruct", "Granite 3")]
    [InlineData("ik-GLM-5.2", "GLM")]
    [InlineData("ik-stepfun-ai-Step-3.5-Flash", "Qwen3-Coder, Qwen3.5")]
    [InlineData("inclusionai-ling-3.0-flash", "Ling")]
    [InlineData("llama-cpp-rwkv-world", "generic")]
    [InlineData("meetkai-functionary-medium-v3.1", "Functionary 3.1")]
    [InlineData("meetkai-functionary-medium-v3.2", "Functionary 3.2")]
    [InlineData("meta-llama-Llama-3.1-8B-Instruct", "Llama 3")]
    [InlineData("meta-llama-Llama-3.3-70B-Instruct", "Llama 3")]
    [InlineData("microsoft-Phi-3.5-mini-instruct", "generic")]
    [InlineData("mistralai-Mistral-Nemo-Instruct-2407", "Mistral v3")]
    [InlineData("muse-glimmer", "Muse")]
    [InlineData("openai-gpt-oss-120b", "harmony")]
    [InlineData("poolside-Laguna-S-2.1", "GLM")]
    [InlineData("upstage-Solar-Open-100B", "Solar")]
    [InlineData("CohereForAI-c4ai-command-r-plus-tool_use", "Command R+")]
    [InlineData("CohereForAI-c4ai-command-r7b-12-2024-tool_use", "Command R7B, A")]
    [InlineData("LFM2.5-Instruct", "LFM2")]
    public void Of_Template_IsItsFamily(string template, string name) =>
        Assert.Equal(name, ChatSyntaxes.Of(File.ReadAllText(Golden.Path("templates", "templates", template + ".jinja"))).Name);

    /// <summary>Forms of which the golden answers have no call.</summary>
    [Theory]
    [InlineData("<|start_header_id|> parameters", """{"name": "get_time", "parameters": {"city": "Bern", "days": 2}}""")]
    [InlineData("<|start_header_id|> parameters", """{ "type": "function", "name": "get_time", "parameters": {"city": "Bern", "days": 2} }""")]
    [InlineData("<|start_header_id|> parameters", """<|python_tag|>{"name": "get_time", "arguments": "{\"city\": \"Bern\", \"days\": 2}"}""")]
    [InlineData("[func_name1(", """[get_time(city="Bern", days=2)]""")]
    [InlineData("<|python_start|>", """<|python_start|>[get_time(city='Bern', days=2)]<|python_end|>""")]
    [InlineData("<|tool|>", """<|tool_call|>[{"name": "get_time", "arguments": {"city": "Bern", "days": 2}}]<|/tool_call|>""")]
    [InlineData("<|tool|>", """functools[{"name": "get_time", "arguments": {"city": "Bern", "days": 2}}]""")]
    [InlineData("<|tool_call|>", """<|tool_call|>[{"name": "get_time", "arguments": {"city": "Bern", "days": 2}}]""")]
    [InlineData("<tool_calls>", "<tool_calls>\n{\"name\": \"get_time\", \"arguments\": {\"city\": \"Bern\", \"days\": 2}}\n</tool_calls>")]
    [InlineData("<minimax:tool_call>", "<minimax:tool_call>\n<invoke name=\"get_time\">\n<parameter name=\"city\">Bern</parameter>\n<parameter name=\"days\">2</parameter>\n</invoke>\n</minimax:tool_call>")]
    [InlineData("<function <|python_tag|>", """<function=get_time>{"city": "Bern", "days": 2}</function>""")]
    [InlineData("Action: <|CHATBOT_TOKEN|>", "Action:\n```json\n[\n    {\n        \"tool_name\": \"get_time\",\n        \"parameters\": {\"city\": \"Bern\", \"days\": 2}\n    }\n]```")]
    [InlineData("<start_function_call>", "<start_function_call>call:get_time{city:<escape>Bern<escape>,days:2}<end_function_call>")]
    [InlineData("nothing of tools", "<tool_call>\n{\"name\": \"get_time\", \"arguments\": {\"city\": \"Bern\", \"days\": 2}}\n</tool_call>")]
    public void Of_Template_ReadsItsCalls(string template, string answer)
    {
        var parser = ChatSyntaxes.Of(template).CreateParser(isReasoning: false, Tools);

        var (text, _, calls) = ParsedAnswer.Of(parser, answer.Select(c => c.ToString()));

        var call = Assert.Single(calls);
        Assert.Equal(("get_time", null, ""), (call.Name, call.Problem, text));
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse("""{"city":"Bern","days":2}""").RootElement, JsonDocument.Parse(call.Arguments).RootElement), call.Arguments);
    }

    [Theory]
    [InlineData("<|start_header_id|> parameters", """{"name": "Bern", "parameters": 3}""")]
    [InlineData("<|start_header_id|> parameters", """{"city": "Bern"}""")]
    [InlineData("[func_name1(", "[1, 2, 3]")]
    [InlineData("<tool_call>", "<tool_call>{\"city\": \"Bern\"}</tool_call> is no call")]
    [InlineData("<tool_call>", "{\"name\": \"get_time\", \"arguments\": {}}")]
    public void Of_Template_LeavesWhatIsNoCall(string template, string answer)
    {
        var parser = ChatSyntaxes.Of(template).CreateParser(isReasoning: false, Tools);

        var (text, _, calls) = ParsedAnswer.Of(parser, answer.Select(c => c.ToString()));

        Assert.Empty(calls);
        Assert.Equal(answer.Replace("</tool_call>", "", StringComparison.Ordinal), text); // a closing mark is nobody's text
    }

    [Fact]
    public void Append_LongAnswer_HoldsNothingBack()
    {
        var parser = ChatSyntaxes.Of("<tool_call>").CreateParser(isReasoning: false, Tools);
        parser.Append("x");

        for (var i = 0; i < 1000; i++)
        {
            var part = Assert.Single(parser.Append(" word"));
            Assert.Equal(" word", Assert.IsType<AnswerPart.Text>(part).Value);
        }
    }
}
