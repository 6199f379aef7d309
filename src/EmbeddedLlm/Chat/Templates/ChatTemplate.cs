using System.Collections.Immutable;
using System.Text.Json.Nodes;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>
/// The prompt side of a model: makes one text of the messages of a conversation. The text holds special tokens as text,
/// for most models also the begin-of-text token: encode it with special tokens parsed, and add none where it already begins with one.
/// </summary>
public sealed class ChatTemplate
{
    private const string ChatMl = """
        {%- for message in messages %}
        {{- '<|im_start|>' ~ message.role ~ '\n' ~ (message.content or '') ~ '<|im_end|>\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
        """;

    private const string Plain = """
        {%- for message in messages %}
        {{- message.role ~ ': ' ~ (message.content or '') | trim ~ '\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{ 'assistant:' }}{% endif %}
        """;

    private readonly JinjaTemplate _template;
    private readonly string? _bosToken;
    private readonly string? _eosToken;

    private ChatTemplate(JinjaTemplate template, ChatTemplateKind kind, ImmutableArray<string> stopStrings, string? bosToken, string? eosToken)
    {
        _template = template;
        Kind = kind;
        StopStrings = stopStrings;
        _bosToken = bosToken;
        _eosToken = eosToken;
    }

    /// <summary>Where the format comes from.</summary>
    public ChatTemplateKind Kind { get; }

    /// <summary>
    /// Texts that end the assistant's turn besides the model's own end tokens. Empty for <see cref="ChatTemplateKind.Model"/>;
    /// a plain model ends no turn by itself, it goes on with the next line of the conversation.
    /// </summary>
    public ImmutableArray<string> StopStrings { get; }

    /// <summary>The Jinja source in use.</summary>
    public string Source => _template.Source;

    /// <summary>Whether tools can be described to the model: its template mentions them.</summary>
    public bool SupportsTools => Kind == ChatTemplateKind.Model && _template.Reads("tools");

    /// <summary>Whether the format mentions a variable of this name.</summary>
    internal bool Reads(string variable) => _template.Reads(variable);

    /// <summary>Chooses and parses the format of a model.</summary>
    /// <param name="source">The model's Jinja template (<c>tokenizer.chat_template</c>), null or empty where it has none.</param>
    /// <param name="bosToken">Text of the begin-of-text token, the variable <c>bos_token</c>; undefined there where null.</param>
    /// <param name="eosToken">Text of the end-of-text token, the variable <c>eos_token</c>; undefined there where null.</param>
    /// <param name="vocabularyHasChatMl">Whether <c>&lt;|im_start|&gt;</c> and <c>&lt;|im_end|&gt;</c> are tokens of the model.</param>
    /// <param name="limits">What the template may use; <see cref="JinjaLimits.Default"/> where null.</param>
    /// <remarks>
    /// ChatML gives each message as <c>&lt;|im_start|&gt;role\ncontent&lt;|im_end|&gt;\n</c> and begins the answer with
    /// <c>&lt;|im_start|&gt;assistant\n</c>. The plain format gives each message as <c>role: content\n</c>, the content without
    /// blanks around it, and begins the answer with <c>assistant:</c>.
    /// </remarks>
    /// <exception cref="JinjaException">The model's template cannot be parsed.</exception>
    public static ChatTemplate Create(string? source, string? bosToken, string? eosToken, bool vocabularyHasChatMl, JinjaLimits? limits = null)
    {
        if (!string.IsNullOrEmpty(source))
            return new(JinjaTemplate.Parse(source, limits), ChatTemplateKind.Model, [], bosToken, eosToken);
        return vocabularyHasChatMl
            ? new(JinjaTemplate.Parse(ChatMl, limits), ChatTemplateKind.ChatMl, ["<|im_end|>"], bosToken, eosToken)
            : new(JinjaTemplate.Parse(Plain, limits), ChatTemplateKind.Plain, ["\nsystem:", "\nuser:", "\nassistant:", "\ntool:"], bosToken, eosToken);
    }

    /// <summary>Chooses and parses the format of a model whose vocabulary is known.</summary>
    /// <param name="source">The model's Jinja template (<c>tokenizer.chat_template</c>), null or empty where it has none.</param>
    /// <param name="tokenizer">Gives the texts of <c>bos_token</c> and <c>eos_token</c>, and says whether the vocabulary has ChatML's tokens.</param>
    /// <param name="bosToken">Another text of <c>bos_token</c>; the tokenizer's where null, undefined where it has none.</param>
    /// <param name="eosToken">Another text of <c>eos_token</c>; the tokenizer's where null, undefined where it has none.</param>
    /// <exception cref="JinjaException">The model's template cannot be parsed.</exception>
    public static ChatTemplate ForModel(string? source, Tokenizer tokenizer, string? bosToken = null, string? eosToken = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        string? Piece(int? id) => id is { } token ? tokenizer.GetPiece(token) : null;
        var hasChatMl = tokenizer.TryGetId("<|im_start|>", out _) && tokenizer.TryGetId("<|im_end|>", out _);
        return Create(source, bosToken ?? Piece(tokenizer.BosId), eosToken ?? Piece(tokenizer.EosId), hasChatMl);
    }

    /// <summary>Renders a conversation. The template sees what Hugging Face's transformers would pass: absent tools and documents are none, not undefined.</summary>
    /// <param name="messages">Objects with <c>role</c> and <c>content</c>, and what else the template knows (<c>tool_calls</c>, <c>reasoning_content</c> …), in the shape it expects.</param>
    /// <param name="tools">Tools as OpenAI describes them; null for none.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the beginning of the assistant's answer.</param>
    /// <param name="extra">Further variables such as <c>enable_thinking</c> or <c>documents</c>; they hide those above.</param>
    /// <param name="time">The clock that templates may ask for the date; the system's where null.</param>
    /// <param name="cancellationToken">Stops the rendering.</param>
    /// <exception cref="JinjaException">The template failed, or refused the conversation; the message is its own.</exception>
    /// <exception cref="LlmException">There are tools, but only the model's own template could describe them and it has none.</exception>
    public string Render(JsonArray messages, JsonArray? tools = null, bool addGenerationPrompt = true, JsonObject? extra = null, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        if (tools is { Count: > 0 } && Kind != ChatTemplateKind.Model)
            throw new LlmException("The model has no chat template of its own, so tools cannot be described to it.");
        var variables = new List<KeyValuePair<string, JsonNode?>>
        {
            new("messages", messages),
            new("tools", tools),
            new("documents", null),
            new("add_generation_prompt", addGenerationPrompt),
        };
        if (_bosToken is not null)
            variables.Add(new("bos_token", _bosToken));
        if (_eosToken is not null)
            variables.Add(new("eos_token", _eosToken));
        return _template.Render(extra is null ? variables : variables.Concat(extra), time, cancellationToken);
    }
}
