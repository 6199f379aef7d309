using System.Text;
using System.Text.Json;
using EmbeddedLlm.Grammar.Automata;
using EmbeddedLlm.Grammar.Masks;
using EmbeddedLlm.Grammar.Schemas;
using EmbeddedLlm.Grammar.Text;
using EmbeddedLlm.Tokenization;

namespace EmbeddedLlm.Grammar;

/// <summary>Puts one constraint together: schemas, grammars and texts, and the marks of a chat format between them.</summary>
internal sealed class ConstraintBuilder(Tokenizer tokenizer)
{
    private readonly List<Rule> _rules = [];
    private readonly List<string> _warnings = [];
    private readonly TokenTable _tokens = TokenTable.For(tokenizer);

    /// <summary>Joins the parts.</summary>
    public ExprPool Pool { get; } = new();

    /// <summary>A value of a JSON schema.</summary>
    /// <inheritdoc cref="Constraint.FromJsonSchema"/>
    /// <param name="schema">The schema.</param>
    /// <param name="options">How.</param>
    /// <param name="spelling">How values are written; null for JSON.</param>
    /// <param name="source">Where the schema comes from, for warnings.</param>
    public Expr Schema(JsonElement schema, ConstraintOptions options, ValueSpelling? spelling = null, string? source = null)
    {
        var warnings = new List<string>();
        var rules = SchemaCompiler.Compile(schema, options, Pool, warnings, spelling);
        _warnings.AddRange(warnings.Select(warning => source is null ? warning : $"{source}: {warning}"));
        return Add(rules);
    }

    /// <summary>Notes what was passed over.</summary>
    public void Warn(string warning) => _warnings.Add(warning);

    /// <summary>How JSON writes values.</summary>
    public ValueSpelling Json(ConstraintOptions options) => ValueSpelling.Json(Pool, SchemaCompiler.Space(Pool, options));

    /// <summary>A text of a grammar in GBNF.</summary>
    /// <inheritdoc cref="Constraint.FromGbnf"/>
    public Expr Gbnf(string grammar) => Add(GbnfParser.Parse(grammar, Pool, _tokens));

    /// <summary>A text that matches a regular expression as a whole.</summary>
    /// <inheritdoc cref="Constraint.FromRegex"/>
    public Expr Regex(string pattern) => new RegexCompiler(Pool, set => Utf8.Encode(Pool, set), "regex").Whole(RegexParser.Parse(pattern, "regex"));

    /// <summary>One of some texts.</summary>
    /// <inheritdoc cref="Constraint.FromChoices"/>
    public Expr Choices(IEnumerable<string> choices)
    {
        var texts = choices.Select(text => (Encoding.UTF8.GetBytes(text), Pool.Empty)).ToList();
        return texts.Count > 0 ? Pool.Choice(texts) : throw new ConstraintException("choices", "count", "At least one text was expected, none was found.");
    }

    /// <summary>A text of a chat format. Control tokens in it come as such; one that ends the answer ends the mark.</summary>
    public Expr Mark(string mark)
    {
        var parts = new List<Expr>();
        var rest = mark;
        foreach (var id in tokenizer.Encode(mark, addSpecial: false, parseSpecial: true))
        {
            if (!tokenizer.IsSpecial(id) && !_tokens.IsEnd(id))
                continue;
            var piece = tokenizer.GetPiece(id);
            var at = rest.IndexOf(piece, StringComparison.Ordinal);
            if (at < 0)
                continue;                                                   // a token that stands for a text it is not written as
            parts.Add(Text(rest[..at]));
            rest = _tokens.IsEnd(id) ? "" : rest[(at + piece.Length)..];
            if (_tokens.IsEnd(id))
                break;
            parts.Add(Pool.Tokens(new(id, IsNegated: false)));
        }
        return Pool.Seq([.. parts, Text(rest)]);
    }

    /// <summary>Whether a mark has a token that ends the answer.</summary>
    public bool EndsAnswer(string mark) => Array.Exists(tokenizer.Encode(mark, addSpecial: false, parseSpecial: true), _tokens.IsEnd);

    /// <summary>A text of ordinary tokens.</summary>
    public Expr Text(string text) => Pool.Literal(Encoding.UTF8.GetBytes(text));

    /// <summary>Any text in which none of some texts stands.</summary>
    public Expr TextWithout(IReadOnlyCollection<string> texts) =>
        texts.Count == 0 ? Pool.Anything : Pool.Not(Pool.Seq([Pool.Anything, Choices(texts), Pool.Anything]));

    /// <summary>Gives a name to a part, so that it is worked out once where it stands often.</summary>
    public Expr Named(string name, Expr body) => Add([new Rule(name) { Body = body }]);

    /// <summary>The constraint; the builder is used up.</summary>
    /// <exception cref="ConstraintException">No text matches.</exception>
    public Constraint Build(Expr root)
    {
        var first = root.Kind == ExprKind.Call ? root.Rule! : new Rule("root") { Body = root };
        return new(Pool, [first, .. _rules.Where(rule => rule != first)], _tokens, _warnings);
    }

    private Expr Add(List<Rule> rules)
    {
        _rules.AddRange(rules);
        return Pool.Call(rules[0]);
    }
}
