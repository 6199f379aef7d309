namespace EmbeddedLlm.Chat.Templates;

/// <summary>Where a prompt format comes from.</summary>
public enum ChatTemplateKind
{
    /// <summary>The model's own Jinja template.</summary>
    Model,

    /// <summary>ChatML, as the model brings no template but has the tokens of ChatML in its vocabulary.</summary>
    ChatMl,

    /// <summary>Lines of role and content, for models that were never taught to chat.</summary>
    Plain,
}
