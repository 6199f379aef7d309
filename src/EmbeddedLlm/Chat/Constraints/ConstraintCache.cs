using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Tokenization;
using Microsoft.Extensions.Logging;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>The constraints of the last requests, since apps ask for the same tools and schemas again and again. For any thread.</summary>
internal sealed partial class ConstraintCache(ChatSyntax syntax, Tokenizer tokenizer, ILogger logger)
{
    private const int Capacity = 8;

    private readonly Lock _gate = new();
    private readonly LinkedList<(string Key, Constraint Constraint)> _recent = [];

    /// <summary>The constraint for some rules.</summary>
    /// <exception cref="ConstraintException">A schema or grammar is malformed, allows nothing, passes a limit, or asks for what cannot be enforced.</exception>
    public Constraint Get(AnswerRules rules)
    {
        var key = rules.Key;
        lock (_gate)
        {
            for (var node = _recent.First; node is not null; node = node.Next)
            {
                if (node.Value.Key != key)
                    continue;
                _recent.Remove(node);
                _recent.AddFirst(node);
                return node.Value.Constraint;
            }
        }

        var constraint = AnswerGrammar.Compile(syntax, rules, tokenizer);   // twice where two ask at once, which does no harm
        foreach (var warning in constraint.Warnings)
            LogPassedOver(logger, warning);
        lock (_gate)
        {
            _recent.AddFirst((key, constraint));
            if (_recent.Count > Capacity)
                _recent.RemoveLast();
        }

        return constraint;
    }

    [LoggerMessage(2025, LogLevel.Warning, "Something in a schema is not enforced: {Warning}")]
    private static partial void LogPassedOver(ILogger logger, string warning);
}
