using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>The answers of a <see cref="MessageSyntax"/>: messages to the model itself and to the user, then one to the user or to a tool.</summary>
internal sealed class MessageGrammar(MessageSyntax syntax, AnswerRules rules, Tokenizer tokenizer) : AnswerGrammar(rules, tokenizer)
{
    private bool HasTools => !Rules.Tools.IsEmpty;

    protected override Expr Answer()
    {
        var text = Builder.TextWithout([.. syntax.Ends, syntax.Start]);
        var end = syntax.Ends.Length == 0 ? Pool.Empty : AnyMark(syntax.Ends.Where(mark => !Builder.EndsAnswer(mark)));
        var next = Builder.Mark(syntax.Next);
        var before = Rules.MayReason ? Pool.Seq([Builder.Mark(syntax.ReasoningStart), text, AnyMark(syntax.ReasoningEnds), next]) : Pool.Never;
        if (HasTools && Rules is { MustCall: false, Form: null })
            before = Pool.Alt(before, Pool.Seq([Builder.Mark(syntax.PreambleHeader ?? syntax.TextHeader), text, end, next]));

        var last = HasTools ? Calls(next) : Pool.Never;
        if (!Rules.MustCall || !HasTools)
            last = Pool.Alt(last, Pool.Seq(Builder.Mark(syntax.TextHeader), Rules.Form is null ? text : Form()));
        return Pool.Seq(Pool.Repeat(before, 0, -1), last);
    }

    private Expr Calls(Expr next)
    {
        var form = syntax.Calls[0];
        var begin = form.Shape.Begin;
        // The prompt, or the end of the message before, has written the mark that begins the header.
        if (begin.StartsWith(syntax.Next, StringComparison.Ordinal))
            begin = begin[syntax.Next.Length..];
        var call = syntax.Body is null
            ? Block(form, begin)
            : Pool.Alt([.. Rules.Tools.Names.Select(tool => Pool.Seq(Builder.Mark(syntax.BeforeTool + tool + syntax.HeaderEnd), Block(form, begin, [tool])))]);
        return !Rules.MayCallOften || EndsAnswer(form) ? call : Pool.Seq(call, Pool.Repeat(Pool.Seq(next, call), 0, -1));
    }
}
