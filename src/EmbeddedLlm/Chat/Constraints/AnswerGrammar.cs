using System.Text.Json;
using EmbeddedLlm.Chat.Syntax;
using EmbeddedLlm.Grammar;
using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Grammar.Schemas;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Chat.Constraints;

/// <summary>
/// Writes what an answer may be as one constraint: reasoning, text, calls of tools and JSON, in the places that the model's format has for them.
/// Text is free up to a mark that opens calls; from there on nothing but calls of offered tools, with arguments of their schemas, can come.
/// </summary>
internal abstract class AnswerGrammar
{
    private static readonly ConstraintOptions Arguments = new() { AllowWhiteSpace = true, PassOverUnenforceable = true };

    private const int MostBlanks = 4;

    private static readonly JsonElement AnyObject = JsonElement.Parse("""{"type":"object"}""");

    private readonly ArgumentSpellings _spellings;
    private readonly Dictionary<(string Tool, string Spelling), Expr> _arguments = [];
    private Expr? _form;

    protected AnswerGrammar(AnswerRules rules, Tokenizer tokenizer)
    {
        (Rules, Builder) = (rules, new(tokenizer));
        _spellings = new(Builder, Arguments);
    }

    protected AnswerRules Rules { get; }

    protected ConstraintBuilder Builder { get; }

    protected ExprPool Pool => Builder.Pool;

    /// <summary>Compiles the rules of an answer in a format.</summary>
    /// <exception cref="ConstraintException">A schema or grammar is malformed, allows nothing, passes a limit, or asks for what cannot be enforced.</exception>
    public static Constraint Compile(ChatSyntax syntax, AnswerRules rules, Tokenizer tokenizer)
    {
        AnswerGrammar grammar = syntax switch
        {
            MarkedSyntax marked => new MarkedGrammar(marked, rules, tokenizer),
            MessageSyntax messages => new MessageGrammar(messages, rules, tokenizer),
            _ => throw new InvalidOperationException($"There is no grammar for {syntax}."),
        };
        return grammar.Builder.Build(grammar.Answer());
    }

    /// <summary>The whole answer.</summary>
    protected abstract Expr Answer();

    /// <summary>The form that the text must have.</summary>
    protected Expr Form() => _form ??= Rules.Form switch
    {
        AnswerForm.Schema schema => Builder.Schema(ClosedSchema.Of(schema.Value), new() { AllowWhiteSpace = schema.AllowsWhiteSpace, PassOverUnenforceable = Rules.PassOverUnenforceable }),
        AnswerForm.Gbnf gbnf => Builder.Gbnf(gbnf.Text),
        AnswerForm.Regex regex => Builder.Regex(regex.Pattern),
        AnswerForm.Choices choices => Builder.Choices(choices.Texts),
        _ => throw new InvalidOperationException("The text may be anything."),
    };

    /// <summary>One of some marks.</summary>
    protected Expr AnyMark(IEnumerable<string> marks) => Pool.Alt([.. marks.Select(Builder.Mark)]);

    /// <summary>A blank, as models write them between parts.</summary>
    protected Expr Blank() => Pool.Bytes(ByteSet.Of((byte)' ') | ByteSet.Of((byte)'\n'));

    /// <summary>A few blanks.</summary>
    protected Expr Blanks() => Pool.Repeat(Blank(), 0, MostBlanks);

    /// <summary>One block of calls.</summary>
    /// <param name="form">The form of the calls.</param>
    /// <param name="begin">Opens the block: the form's own mark, or what is left of it where the answer has written a part.</param>
    /// <param name="tools">The tools to call; null for all.</param>
    /// <param name="mayEnd">Whether its closing mark may be left out.</param>
    protected Expr Block(CallForm form, string begin, string[]? tools = null, bool mayEnd = false)
    {
        var shape = form.Shape;
        var call = Builder.Named("call", Pool.Alt([.. (tools ?? Rules.Tools.Names).Select(tool => Call(shape, tool))]));
        var calls = shape.Between is { } between && Rules.MayCallOften ? Pool.Seq(call, Pool.Repeat(Pool.Seq(Builder.CallMark(between), call), 0, -1)) : call;
        var end = Builder.CallMark(shape.End);
        return Pool.Seq([Builder.CallMark(begin), calls, mayEnd ? Pool.Optional(end) : end]);
    }

    /// <summary>Whether nothing follows a block.</summary>
    protected bool EndsAnswer(CallForm form) => Builder.EndsAnswer(form.Shape.AfterArguments + form.Shape.End);

    private Expr Call(CallShape shape, string tool) => Pool.Seq([
        Builder.CallMark(shape.BeforeName),
        Builder.Text(tool),
        Builder.CallMark(shape.AfterName),
        ArgumentsOf(tool, _spellings.Of(shape.Arguments)),
        Builder.CallMark(shape.AfterArguments),
    ]);

    // A tool that comes from elsewhere, with a schema that nothing can enforce, is still a tool.
    private Expr ArgumentsOf(string tool, ValueSpelling spelling)
    {
        if (_arguments.TryGetValue((tool, spelling.Name), out var known))
            return known;
        var source = $"tool '{tool}'";
        try
        {
            known = Builder.Schema(ClosedSchema.OfArguments(Rules.Tools.Schema(tool)), Arguments, spelling, source);
        }
        catch (ConstraintException exception)
        {
            Builder.Warn($"{source}: its arguments may be any object: {exception.Message}");
            known = Builder.Schema(AnyObject, Arguments, spelling);
        }

        return _arguments[(tool, spelling.Name)] = known;
    }
}
