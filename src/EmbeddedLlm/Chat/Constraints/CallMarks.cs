using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>Texts of a <see cref="CallShape"/> as parts of a constraint.</summary>
internal static class CallMarks
{
    /// <summary>A text, with what the model chooses in it.</summary>
    public static Expr CallMark(this ConstraintBuilder builder, string text)
    {
        var at = text.AsSpan().IndexOfAny(CallShape.Number, CallShape.Id, CallShape.Word);
        if (at < 0)
            return builder.Mark(text);
        var chosen = text[at] switch
        {
            CallShape.Number => builder.Regex("[0-9]{1,9}"),
            CallShape.Id => builder.Regex("[a-zA-Z0-9]{9}"),
            _ => builder.Regex("[a-z]+"),
        };
        return builder.Pool.Seq([builder.Mark(text[..at]), chosen, builder.CallMark(text[(at + 1)..])]);
    }
}
