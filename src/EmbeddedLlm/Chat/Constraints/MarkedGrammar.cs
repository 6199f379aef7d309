using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>The answers of a <see cref="MarkedSyntax"/>: reasoning, then text with blocks of calls in it.</summary>
internal sealed class MarkedGrammar : AnswerGrammar
{
    private const int MostNoise = 8;                                        // blanks and marks without meaning in one place

    private readonly MarkedSyntax _syntax;
    private readonly bool _hasTools;
    private readonly string[] _triggers;                                    // none stands in text
    private readonly Expr _thought;
    private readonly Expr _marks;                                           // what may stand between texts and means nothing, or more reasoning
    private readonly Expr _reasoning;

    public MarkedGrammar(MarkedSyntax syntax, AnswerRules rules, Tokenizer tokenizer)
        : base(rules, tokenizer)
    {
        _syntax = syntax;
        _hasTools = !rules.Tools.IsEmpty;
        _triggers = _hasTools ? [.. syntax.Calls.Select(Trigger), .. NamedCalls().Select(call => call.Trigger)] : [];
        _thought = Builder.TextWithout([.. syntax.ReasoningEnds, .. syntax.CallsEndReasoning ? _triggers : []]);
        _reasoning = Builder.Named("reasoning", Pool.Seq([Builder.Mark(syntax.ReasoningStart), _thought, AnyMark(syntax.ReasoningEnds)]));
        var marks = syntax.Noise.Concat(_hasTools ? syntax.CallNoise : []).Where(mark => !Builder.EndsAnswer(mark)).Select(Builder.Mark);
        _marks = Pool.Alt([.. marks, .. syntax.ReasonsAnywhere && rules.MayReason ? [_reasoning] : Array.Empty<Expr>()]);
    }

    protected override Expr Answer()
    {
        if (!Rules.IsReasoning)
            return Rules.MayReason ? Pool.Alt(Pool.Seq([Blanks(), _reasoning, Rest(Skip())]), Rest(Marks())) : Rest(Marks());

        // Models trained to write the mark write it although the prompt has done so.
        var thought = Pool.Seq(Pool.Optional(Builder.Mark(_syntax.ReasoningStart)), _thought);
        var answer = Pool.Seq([thought, AnyMark(_syntax.ReasoningEnds), Rest(Skip())]);
        return _syntax.CallsEndReasoning && _hasTools ? Pool.Alt(answer, Pool.Seq(thought, Blocks())) : answer;
    }

    // What is behind the reasoning. Blanks before a text of a form would be part of it, unless they separate it from reasoning.
    private Expr Rest(Expr beforeForm)
    {
        if (!_hasTools)
            return Pool.Seq(beforeForm, Form());
        if (Rules.MustCall)
            return Blocks();
        if (Rules.Form is not null)
            return Pool.Alt(Pool.Seq(beforeForm, Form()), Blocks());

        var more = Rules.MayCallOften ? Pool.Repeat(Pool.Seq(Block(), Text()), 0, -1) : Pool.Optional(Block());
        var begun = Pool.Seq(Pool.And(Chunk(), Pool.Not(Pool.Seq(BareOpening(), Pool.Anything))), MoreText());
        var afterBare = Rules.MayCallOften ? Pool.Seq(Text(), more) : Pool.Empty;
        return Pool.Alt(Pool.Seq(begun, more), Pool.Seq([Blanks(), BareBlock(), afterBare]));
    }

    private Expr Chunk() => Builder.TextWithout(_triggers);

    private Expr MoreText() => Pool.Repeat(Pool.Seq(_marks, Chunk()), 0, -1);

    private Expr Text() => Pool.Seq(Chunk(), MoreText());

    private Expr Marks() => Pool.Repeat(_marks, 0, MostNoise);

    private Expr Skip() => Pool.Repeat(Pool.Alt(Blank(), _marks), 0, MostNoise);

    // Nothing but calls.
    private Expr Blocks()
    {
        var more = Rules.MayCallOften ? Pool.Repeat(Pool.Seq(Skip(), Block()), 0, -1) : Pool.Empty;
        return Pool.Seq([Skip(), Pool.Alt(Block(), BareBlock()), more, Marks()]);
    }

    private Expr Block()
    {
        var forms = Rules.MustCall ? _syntax.Calls.Take(1) : _syntax.Calls;
        return Builder.Named("block", Pool.Alt([.. forms.Select(form => Block(form, form.Shape.Begin)), .. NamedCalls().Select(call => Block(call.Form, "", [call.Tool], mayEnd: true))]));
    }

    // A call that the answer begins with, without any mark before it.
    private Expr BareBlock() => _syntax.BareCall is BareCall.Json or BareCall.Pythonic
        ? Block(_syntax.Calls[0], _syntax.Calls[0].Shape.Begin[_syntax.Calls[0].Trigger.Length..], mayEnd: true)
        : Pool.Never;

    private Expr BareOpening() => _syntax.BareCall switch
    {
        BareCall.Json => Builder.Regex("""[ \n\t]*\{[ \n\t]*"(name|type|function)""" + "\""),
        BareCall.Pythonic => Pool.Seq(Builder.Regex(@"[ \n\t]*\["), Builder.Choices(Rules.Tools.Names.Select(name => $"{name}("))),
        _ => Pool.Never,
    };

    // Calls whose tool is named in the mark, which then stands for the block's own.
    private IEnumerable<(string Trigger, CallForm Form, string Tool)> NamedCalls() =>
        from form in _syntax.Calls.OfType<ParameterCalls>()
        where _syntax.BareCall == BareCall.Named
        from tool in Rules.Tools.Names
        select (form.CallMark + tool + form.NameEnd, (CallForm)form, tool);

    // A word, such as Python's functools, may stand in text.
    private static string Trigger(CallForm form) => char.IsAsciiLetter(form.Trigger[0]) ? form.Shape.Begin : form.Trigger;
}
