using EmbeddedLlm.Chat.Syntax;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>What a request asks of its answer.</summary>
internal sealed record AnswerRules
{
    /// <summary>The tools that may be called.</summary>
    public OfferedTools Tools { get; init; } = OfferedTools.None;

    /// <summary>Whether the answer must be a call.</summary>
    public bool MustCall { get; init; }

    /// <summary>Whether there may be several calls.</summary>
    public bool MayCallOften { get; init; } = true;

    /// <summary>What the text must be where no tool is called; null for any text.</summary>
    public AnswerForm? Form { get; init; }

    /// <summary>Whether the prompt has begun the reasoning.</summary>
    public bool IsReasoning { get; init; }

    /// <summary>Whether the model may begin with reasoning.</summary>
    public bool MayReason { get; init; }

    /// <summary>Whether what cannot be enforced is passed over with a warning, also in the form of the text; in the schemas of tools it always is.</summary>
    public bool PassOverUnenforceable { get; init; }

    /// <summary>Whether there is anything to enforce.</summary>
    public bool IsEmpty => Tools.IsEmpty && Form is null;

    /// <summary>Equal for equal rules.</summary>
    public string Key => $"{MustCall} {MayCallOften} {IsReasoning} {MayReason} {PassOverUnenforceable} {Tools.Key} {Form?.Key}";
}
