namespace EmbeddedLlm.Chat.Syntax;

/// <summary>
/// The table of syntaxes. A family is known by what its chat template writes; the first row that fits counts, the last fits every template.
/// </summary>
internal static class ChatSyntaxes
{
    private const string ThinkStart = "<think>";
    private const string ThinkEnd = "</think>";

    /// <summary>The form of calls that is asked for where a template knows no tools.</summary>
    public static JsonCalls Generic { get; } = Tagged("<tool_call>", "</tool_call>");

    private static readonly (Func<string, bool> Fits, ChatSyntax Syntax)[] Table =
    [
        (Has("<|channel|>", "<|message|>"), Harmony()),
        (Has("<atem:function_calls>"), Muse()),
        (Has(">>>all"), Functionary3()),
        (Has("<|open|>", "<|close|>", "<|sep|>"), KimiK3()),
        (Has("<|tool_call_begin|>"), KimiK2()),
        (Has("｜DSML｜"), DeepSeekMarkup()),
        (Has("<｜tool▁call▁begin｜>", "```json"), DeepSeek("DeepSeek R1", "\n```json\n", "function<｜tool▁sep｜>", "```")),
        (Has("<｜tool▁call▁begin｜>"), DeepSeek("DeepSeek V3.1", "<｜tool▁sep｜>", "", "")),
        (Has("<|tool_call:begin|>"), Solar()),
        (Has("<|tool_call>", "<|channel>"), Gemma("Gemma 4", "<|channel>thought", "<channel|>")),
        (Has("<start_function_call>"), FunctionGemma()),
        (Has("<|tool_call_start|>"), Liquid()),
        (Has("List of tools: ["), Liquid()),
        (Has("<|START_ACTION|>"), Cohere()),
        (Has("<|CHATBOT_TOKEN|>", "Action:"), CommandR()),
        (Has("[TOOL_CALLS]", "[ARGS]", "[THINK]"), Mistral("Mistral v13 with reasoning", "[ARGS]", "[THINK]", "[/THINK]")),
        (Has("[TOOL_CALLS]", "[ARGS]"), Mistral("Mistral v11, v13", "[ARGS]", ThinkStart, ThinkEnd)),
        (Has("[TOOL_CALLS]", "[THINK]"), MistralJson("[THINK]", "[/THINK]")),
        (Has("[TOOL_CALLS]"), MistralJson(ThinkStart, ThinkEnd)),
        (Has("<seed:tool_call>"), Seed()),
        (Has("<minimax:tool_call>"), MiniMaxM2()),
        (Has("<function=", "<parameter="), QwenCoder()),
        (Has("<function", "<|python_tag|>"), Functionary31()),
        (Has("<role>ASSISTANT</role>", "<arg_key>"), Glm("Ling") with { CallsEndReasoning = true, KeepsReasoningEnd = true, KeepsTextEnd = true, Noise = ["<|role_end|>"] }),
        (Has("<arg_key>"), Glm("GLM")),
        (Has("<tool_calls>"), MiniMaxM1()),
        (Has("<TOOLCALL>"), Json("Nemotron", "<TOOLCALL>", "</TOOLCALL>", isList: true)),
        (Has("<|tools_prefix|>"), Apertus()),
        (Has("function call<|role_sep|>"), Json("GigaChat", "<|message_sep|>\n\nfunction call<|role_sep|>\n", "", isList: false)),
        (Has("<|message_sep|>", "function call"), Json("GigaChat", "<|message_sep|>\n\nfunction call<|role_sep|>\n", "", isList: false)),
        (Has("<|tool_call|>"), Granite()),
        (Has("<|tool|>"), Phi4()),
        (Has("<tool_call>"), Hermes()),
        (Has("<|python_start|>"), Llama4()),
        (Has("[func_name1("), Llama4()),
        (Has("<|start_header_id|>", "parameters"), Llama3()),
        (_ => true, Hermes() with { Name = "generic" }),
    ];

    /// <summary>All syntaxes, in the order of the table.</summary>
    public static IEnumerable<ChatSyntax> All => Table.Select(row => row.Syntax);

    /// <summary>The syntax of the models that a template is for.</summary>
    public static ChatSyntax Of(string template) => Array.Find(Table, row => row.Fits(template)).Syntax;

    private static Func<string, bool> Has(params string[] texts) => template => Array.TrueForAll(texts, text => template.Contains(text, StringComparison.Ordinal));

    private static MarkedSyntax Marked(string name, params CallForm[] calls) =>
        new() { Name = name, Calls = calls, ReasoningStart = ThinkStart, ReasoningEnds = [ThinkEnd] };

    private static JsonCalls Tagged(string start, string end, bool isList = false) =>
        new() { Trigger = start, Closers = end.Length > 0 ? [end] : [], End = end, IsList = isList, Gap = isList || end.Length == 0 ? "" : "\n" };

    private static MarkedSyntax Json(string name, string start, string end, bool isList) => Marked(name, Tagged(start, end, isList));

    private static MarkedSyntax Hermes() => Json("Hermes, Qwen", "<tool_call>", "</tool_call>", isList: false);

    private static MarkedSyntax Granite() => Marked("Granite 3", Tagged("<|tool_call|>", "", isList: true) with { Closers = ["<|/tool_call|>"] }, Tagged("functools", "", isList: true), Generic) with
    {
        Noise = ["<response>", "</response>"],
    };

    private static MarkedSyntax Phi4() => Granite() with { Name = "Phi-4", Calls = [Tagged("<|tool_call|>", "<|/tool_call|>", isList: true), .. Granite().Calls.Skip(1)] };

    private static MarkedSyntax Apertus() => Marked("Apertus", Tagged("<|tools_prefix|>", "<|tools_suffix|>", isList: true) with { NameKey = null }) with
    {
        ReasoningStart = "<|inner_prefix|>",
        ReasoningEnds = ["<|inner_suffix|>"],
    };

    private static MarkedSyntax MiniMaxM1() => Marked("MiniMax M1", Tagged("<tool_calls>", "</tool_calls>"));

    private static MarkedSyntax Llama3() => Marked("Llama 3", Tagged("<|python_tag|>", "") with { Closers = [";"], ArgumentsKeys = ["parameters", "arguments"] }) with { BareCall = BareCall.Json };

    private static MarkedSyntax Llama4() => Marked("Llama 4", new PythonicCalls { Trigger = "<|python_start|>", Closers = ["<|python_end|>"] }) with { BareCall = BareCall.Pythonic };

    private static MarkedSyntax Liquid() => Marked("LFM2", new PythonicCalls { Trigger = "<|tool_call_start|>", Closers = ["<|tool_call_end|>"] });

    private static MarkedSyntax Cohere() => Marked("Command R7B, A", CohereCalls("<|START_ACTION|>", "<|END_ACTION|>") with { BeforeNameKey = $"\"tool_call_id\": \"{CallShape.Number}\", " }) with
    {
        ReasoningStart = "<|START_THINKING|>",
        ReasoningEnds = ["<|END_THINKING|>"],
        ReasonsAnywhere = true,
        Noise = ["<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|START_TEXT|>", "<|END_TEXT|>"],
    };

    private static MarkedSyntax CommandR() => Marked("Command R+", CohereCalls("Action:\n```json", "```")) with { Noise = ["<|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"] };

    private static JsonCalls CohereCalls(string start, string end) => Tagged(start, end, isList: true) with
    {
        NameKey = "tool_name",
        ArgumentsKeys = ["parameters"],
        IdKey = "tool_call_id",
    };

    private static MarkedSyntax MistralJson(string reasoningStart, string reasoningEnd) => Json("Mistral v3", "[TOOL_CALLS]", "", isList: true) with
    {
        ReasoningStart = reasoningStart,
        ReasoningEnds = [reasoningEnd],
    };

    private static MarkedSyntax Mistral(string name, string argumentsMark, string reasoningStart, string reasoningEnd) =>
        Marked(name, new NamedCalls { Trigger = "[TOOL_CALLS]", ArgumentsMark = argumentsMark, IdMark = "[CALL_ID]" }) with { ReasoningStart = reasoningStart, ReasoningEnds = [reasoningEnd] };

    private static MarkedSyntax DeepSeek(string name, string argumentsMark, string namePrefix, string fence) =>
        Marked(name, new NamedCalls
        {
            Trigger = "<｜tool▁call▁begin｜>",
            NamePrefix = namePrefix,
            ArgumentsMark = argumentsMark,
            Closers = fence.Length > 0 ? [fence + "<｜tool▁call▁end｜>", fence, "<｜tool▁call▁end｜>"] : ["<｜tool▁call▁end｜>"],
        }) with
        {
            CallNoise = ["<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"],
        };

    private static MarkedSyntax DeepSeekMarkup() => Marked("DeepSeek V3.2, V4", new ParameterCalls
    {
        Trigger = "<｜DSML｜tool_calls>",
        Closers = ["</｜DSML｜tool_calls>"],
        CallMark = "<｜DSML｜invoke name=\"",
        NameEnd = ">",
        CallEnd = "</｜DSML｜invoke>",
        ParameterMark = "<｜DSML｜parameter name=\"",
        ParameterNameEnd = ">",
        ValueEnd = "</｜DSML｜parameter>",
        TextAttribute = "string=\"true\"",
        TypeAttribute = "string=\"false\"",
        Gap = "\n",
    }) with
    {
        CallsEndReasoning = true,
    };

    private static MarkedSyntax KimiK2() => Marked("Kimi K2", new NamedCalls
    {
        Trigger = "<|tool_call_begin|>",
        Closers = ["<|tool_call_end|>"],
        NamePrefix = "functions.",
        ArgumentsMark = "<|tool_call_argument_begin|>",
        IsNumbered = true,
    }) with
    {
        ReasoningEnds = [ThinkEnd, "<|tool_calls_section_begin|>"],
        CallsEndReasoning = true,
        CallNoise = ["<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"],
    };

    private static MarkedSyntax KimiK3() => Marked("Kimi K3", new ParameterCalls
    {
        Trigger = "<|open|>tools<|sep|>",
        Closers = ["<|close|>tools<|sep|>"],
        CallMark = "<|open|>call tool=\"",
        CallAttributes = $" index=\"{CallShape.Number}\"",
        NameEnd = "<|sep|>",
        CallEnd = "<|close|>call<|sep|>",
        ParameterMark = "<|open|>argument key=\"",
        ParameterNameEnd = "<|sep|>",
        ValueEnd = "<|close|>argument<|sep|>",
        TextAttribute = "type=\"string\"",
        TypeAttribute = "type=\"",
    }) with
    {
        ReasoningStart = "<|open|>think<|sep|>",
        ReasoningEnds = ["<|close|>think<|sep|>", "<|open|>response<|sep|>"],
        Noise = ["<|open|>response<|sep|>", "<|close|>response<|sep|>", "<|close|>message<|sep|>"],
    };

    private static MarkedSyntax Solar() => Marked("Solar", new NamedCalls
    {
        Trigger = "<|tool_call:begin|>",
        Closers = ["<|tool_call:end|>"],
        NameMark = "<|tool_call:name|>",
        ArgumentsMark = "<|tool_call:args|>",
    }) with
    {
        ReasoningStart = "<|think|>",
        ReasoningEnds = ["<|end|>"],
        ReasonsAnywhere = true,
        Noise = ["<|begin|>assistant", "<|content|>", "<|tool_calls|>", "<|end|>"],
    };

    private static MarkedSyntax Gemma(string name, string reasoningStart, string reasoningEnd) => Marked(name, new NamedCalls
    {
        Trigger = "<|tool_call>",
        Closers = ["<tool_call|>"],
        NamePrefix = "call:",
        ArgumentsMark = "",
        Style = LiteralStyle.Gemma,
    }) with
    {
        ReasoningStart = reasoningStart,
        ReasoningEnds = [reasoningEnd],
        ReasonsAnywhere = true,
        Noise = [reasoningEnd],
    };

    private static MarkedSyntax FunctionGemma() => Marked("FunctionGemma", new NamedCalls
    {
        Trigger = "<start_function_call>",
        Closers = ["<end_function_call>"],
        NamePrefix = "call:",
        ArgumentsMark = "",
        Style = LiteralStyle.Gemma with { Quotes = ["<escape>"] },
    });

    private static ParameterCalls FunctionTags(string trigger, string closer, bool hasValueLines) => new()
    {
        Trigger = trigger,
        Closers = [closer],
        CallMark = "<function=",
        NameEnd = ">",
        CallEnd = "</function>",
        ParameterMark = "<parameter=",
        ParameterNameEnd = ">",
        ValueEnd = "</parameter>",
        Gap = "\n",
        HasValueLines = hasValueLines,
    };

    private static MarkedSyntax QwenCoder() => Marked("Qwen3-Coder, Qwen3.5", FunctionTags("<tool_call>", "</tool_call>", hasValueLines: true)) with
    {
        CallsEndReasoning = true,
        KeepsTextEnd = true,
        BareCall = BareCall.Named,
    };

    private static MarkedSyntax Seed() => Marked("Seed-OSS", FunctionTags("<seed:tool_call>", "</seed:tool_call>", hasValueLines: false)) with
    {
        ReasoningStart = "<seed:think>",
        ReasoningEnds = ["</seed:think>"],
    };

    private static ParameterCalls Invoke(string trigger, string closer, string prefix) => new()
    {
        Trigger = trigger,
        Closers = [closer],
        CallMark = $"<{prefix}invoke name=\"",
        NameEnd = ">",
        CallEnd = $"</{prefix}invoke>",
        ParameterMark = $"<{prefix}parameter name=\"",
        ParameterNameEnd = ">",
        ValueEnd = $"</{prefix}parameter>",
        Gap = "\n",
    };

    private static MarkedSyntax MiniMaxM2() => Marked("MiniMax M2", Invoke("<minimax:tool_call>", "</minimax:tool_call>", ""));

    private static MarkedSyntax Glm(string name) => Marked(name, new ParameterCalls
    {
        Trigger = "<tool_call>",
        CallEnd = "</tool_call>",
        ParameterMark = "<arg_key>",
        ParameterNameEnd = "</arg_key>",
        ValueMark = "<arg_value>",
        ValueEnd = "</arg_value>",
    });

    private static MarkedSyntax Functionary31() => Marked("Functionary 3.1", new NamedCalls { Trigger = "<function=", ArgumentsMark = ">", Closers = ["</function>"] });

    private static MessageSyntax Functionary3() => new()
    {
        Name = "Functionary 3.2",
        Calls = [new NamedCalls { Trigger = ">>>", ArgumentsMark = "\n" }],
        ReasoningStart = ThinkStart,
        ReasoningEnds = [ThinkEnd],
        Start = ">>>",
        HeaderEnd = "\n",
        Next = ">>>",
        TextHeader = "all\n",
        Ends = [],
        Target = header => new(header.Trim(' ', '>') is { Length: > 0 } name and not "all" ? name : null, IsReasoning: false),
    };

    private static MessageSyntax Harmony() => new()
    {
        Name = "harmony",
        Calls = [new NamedCalls { Trigger = "<|channel|>commentary to=functions.", ArgumentsMark = " <|constrain|>json<|message|>", Closers = ["<|call|>"] }],
        ReasoningStart = "<|channel|>analysis<|message|>",
        ReasoningEnds = ["<|end|>"],
        Start = "<|start|>",
        HeaderEnd = "<|message|>",
        Next = "<|start|>assistant",
        TextHeader = "<|channel|>final<|message|>",
        PreambleHeader = "<|channel|>commentary<|message|>",
        Ends = ["<|end|>", "<|call|>", "<|return|>"],
        Target = HarmonyHeader.Read,
    };

    private static MessageSyntax Muse()
    {
        var calls = Invoke("<atem:function_calls>", "</atem:function_calls>", "atem:");
        return new()
        {
            Name = "Muse",
            Calls = [calls],
            ReasoningStart = " to=self<|message|>",
            ReasoningEnds = ["<|eom|>"],
            Start = "<|start|>",
            HeaderEnd = "<|message|>",
            Next = "<|start|>assistant",
            TextHeader = " to=user<|message|>",
            BeforeTool = " to=",
            Ends = ["<|eom|>", "<|eot|>"],
            Target = header => HarmonyHeader.Read(header) is { Tool: "self" } ? new(null, IsReasoning: true) : HarmonyHeader.Read(header),
            Body = calls,
        };
    }
}
