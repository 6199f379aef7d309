namespace EmbeddedLlm.Tests.Chat;

/// <summary>Small chat templates in ChatML that know tools and reasoning.</summary>
internal static class ToolTemplates
{
    /// <summary>Calls as JSON between tags.</summary>
    public const string Hermes = """
        {%- if tools %}<|im_start|>system
        Tools: {{ tools | tojson }}<|im_end|>
        {% endif %}
        {%- for message in messages %}<|im_start|>{{ message.role }}
        {{ message.content }}
        {%- for call in message.tool_calls or [] %}
        <tool_call>
        {"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
        </tool_call>
        {%- endfor %}<|im_end|>
        {% endfor %}
        {%- if add_generation_prompt %}<|im_start|>assistant
        {% endif %}
        """;

    /// <summary>As <see cref="Hermes"/>, and writes all there is in a message: reasoning, the names of tools.</summary>
    public const string Complete = """
        {%- if tools %}<|im_start|>system
        Tools: {{ tools | tojson }}<|im_end|>
        {% endif %}
        {%- for message in messages %}<|im_start|>{{ message.role }}{{ " thinks " ~ message.reasoning_content if message.reasoning_content }}{{ " " ~ message.name if message.name }}
        {{ message.content }}
        {%- for call in message.tool_calls or [] %}
        <tool_call>
        {"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
        </tool_call>
        {%- endfor %}<|im_end|>
        {% endfor %}
        {%- if add_generation_prompt %}<|im_start|>assistant
        {% endif %}
        """;

    /// <summary>Calls as Python between tokens of their own.</summary>
    public const string Liquid = """
        {%- for message in messages %}<|im_start|>{{ message.role }}
        {{ message.content }}<|im_end|>
        {% endfor %}
        {%- if tools %}<|im_start|>system
        List of tools: {{ tools | tojson }}, to be called as <|tool_call_start|>[f(x=1)]<|tool_call_end|><|im_end|>
        {% endif %}
        {%- if add_generation_prompt %}<|im_start|>assistant
        {% endif %}
        """;

    /// <summary>Calls by the name of their tool, with ids that the model gives.</summary>
    public const string Mistral = """
        {%- if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}
        {%- for message in messages %}[INST]{{ message.content }}[/INST]
        {%- for call in message.tool_calls or [] %}[TOOL_CALLS]{{ call.function.name }}[CALL_ID]{{ call.id }}[ARGS]{{ call.function.arguments | tojson }}{% endfor %}
        {%- endfor %}
        """;

    /// <summary>Begins the reasoning of every answer, and has no switch for it.</summary>
    public const string Thinking = """
        {%- for message in messages %}<|im_start|>{{ message.role }}
        {{ message.content }}<|im_end|>
        {% endfor %}
        {%- if add_generation_prompt %}<|im_start|>assistant
        <think>
        {% endif %}
        """;

    /// <summary>Ends the reasoning of an answer before it begins, where asked to.</summary>
    public const string Switched = """
        {%- for message in messages %}<|im_start|>{{ message.role }}
        {{ message.content }}<|im_end|>
        {% endfor %}
        {%- if add_generation_prompt %}<|im_start|>assistant
        {% if enable_thinking is defined and not enable_thinking %}<think>

        </think>

        {% endif %}{% endif %}
        """;
}
