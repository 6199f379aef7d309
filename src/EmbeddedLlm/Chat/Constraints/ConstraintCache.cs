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
    private readonly LinkedList<(string Key, Lazy<Constraint> Constraint)> _recent = [];

    /// <summary>The constraint for some rules.</summary>
    /// <exception cref="ConstraintException">A schema or grammar is malformed, allows nothing, passes a limit, or asks for what cannot be enforced.</exception>
    public Constraint Get(AnswerRules rules)
    {
        var key = rules.Key;
        LinkedListNode<(string Key, Lazy<Constraint> Constraint)>? entry;
        lock (_gate)
        {
            entry = _recent.First;
            while (entry is not null && entry.Value.Key != key)
                entry = entry.Next;
            if (entry is null)
                entry = new((key, new(() => Compile(rules))));              // whoever else asks meanwhile waits for the same
            else
                _recent.Remove(entry);
            _recent.AddFirst(entry);
            if (_recent.Count > Capacity)
                _recent.RemoveLast();
        }

        return entry.Value.Constraint.Value;
    }

    private Constraint Compile(AnswerRules rules)
    {
        var constraint = AnswerGrammar.Compile(syntax, rules, tokenizer);
        foreach (var warning in constraint.Warnings)
            LogPassedOver(logger, warning);
        return constraint;
    }

    [LoggerMessage(2025, LogLevel.Warning, "Something in a schema is not enforced: {Warning}")]
    private static partial void LogPassedOver(ILogger logger, string warning);
}
