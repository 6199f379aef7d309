using System.Text.Json;
using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>Writes a JSON schema as rules: one for each set of schemas that some value must satisfy.</summary>
internal sealed class SchemaCompiler
{
    private const int MaxWanted = 2;
    private const int MaxCounted = 200;

    private readonly ExprPool _pool;
    private readonly ConstraintOptions _options;
    private readonly SchemaReader _reader;
    private readonly ValueAlgebra _algebra;
    private readonly Expr _space;
    private readonly List<Rule> _rules = [];
    private readonly Dictionary<string, Rule> _bySet = [];
    private readonly Dictionary<Expr, Rule> _texts = [];
    private readonly Queue<(Rule Rule, SchemaSet Set)> _open = new();

    private SchemaCompiler(JsonElement schema, ConstraintOptions options, ExprPool pool, List<string> warnings)
    {
        (_pool, _options) = (pool, options);
        _reader = new SchemaReader(new SchemaDocument(schema), options, pool, new Derivatives(pool), warnings);
        _algebra = _reader.Algebra;
        var blank = pool.Literal(" "u8);
        _space = options.AllowWhiteSpace
            ? pool.Optional(pool.Alt(blank, pool.Seq(pool.Literal("\n"u8), pool.Repeat(pool.Bytes(ByteSet.Of((byte)' ') | ByteSet.Of((byte)'\t')), 0, -1))))
            : pool.Empty;
    }

    /// <summary>Compiles a schema.</summary>
    /// <returns>All rules, that of the whole document first.</returns>
    public static List<Rule> Compile(JsonElement schema, ConstraintOptions options, ExprPool pool, List<string> warnings)
    {
        var compiler = new SchemaCompiler(schema, options, pool, warnings);
        compiler.RuleOf(compiler._reader.Root);
        while (compiler._open.TryDequeue(out var open))
            open.Rule.Body = compiler.Write(compiler._reader.Read(open.Set));
        return compiler._rules;
    }

    private Rule RuleOf(SchemaSet set)
    {
        if (_bySet.TryGetValue(set.Key, out var known))
            return known;
        var rule = new Rule(set.Key);
        _bySet[set.Key] = rule;
        _rules.Add(rule);
        _open.Enqueue((rule, set));
        return rule;
    }

    private Expr Write(JsonValues values)
    {
        var parts = new List<Expr>();
        if (values.Null)
            parts.Add(_pool.Literal("null"u8));
        if (values.True)
            parts.Add(_pool.Literal("true"u8));
        if (values.False)
            parts.Add(_pool.Literal("false"u8));
        if (values.Numbers != _pool.Never)
            parts.Add(CallText(WriteNumbers(values)));
        if (values.Strings != _pool.Never)
        {
            var quote = _pool.Literal("\""u8);
            parts.Add(CallText(_pool.Seq([quote, values.Strings == _algebra.Strings.Any ? _algebra.Strings.Free : values.Strings, quote])));
        }
        parts.AddRange(values.Objects.Select(Write));
        parts.AddRange(values.Arrays.Select(Write));
        return _pool.Alt([.. parts]);
    }

    private Expr WriteNumbers(JsonValues values)
    {
        if (!values.AreIntegers)
            return values.Numbers;
        return values.Numbers == _algebra.Numbers.Integers ? _algebra.Numbers.WholeOnly : _pool.And(values.Numbers, _algebra.Numbers.WholeOnly);
    }

    // Texts that stand in many places are one rule, so that what is found out about them serves all.
    private Expr CallText(Expr text)
    {
        if (!_texts.TryGetValue(text, out var rule))
        {
            _texts[text] = rule = new Rule("text") { Body = text };
            _rules.Add(rule);
        }
        return _pool.Call(rule);
    }

    private Expr Write(ObjectShape shape)
    {
        var names = shape.Named.Select(named => named.Key).Union(shape.Required).ToList();
        var keys = names.Count == 0 ? _pool.Never : _pool.Choice([.. names.Select(name => (JsonStrings.Spell(name), _pool.Empty))]);
        var named = names.Select(name => (JsonStrings.Spell(name), RuleOf(_algebra.ValueOf(shape, name)), shape.Required.Contains(name))).ToList();
        if (shape.Min > 1 && shape.Others.Count > 0)
        {
            // Names that the schema does not list can come twice, and then count once.
            throw new ConstraintException("schema", "minProperties", $"At most 1 was expected where names may come that the schema does not list, since no constraint can keep those apart; {shape.Min} was found.");
        }
        var spec = new ObjectSpec
        {
            Named = named,
            Others = [.. shape.Others.Select(kind => (names.Count == 0 ? kind.Keys : _pool.And(kind.Keys, _pool.Not(keys)), RuleOf(kind.Value)))],
            Min = shape.Min,
            Max = shape.Max,
            AllowAnyOrder = _options.AllowAnyOrder,
            Space = _space,
        };
        return _pool.Seq([_pool.Literal("{"u8), _space, _pool.FormOf(new MembersForm(spec, 0, 0, true)), _pool.Literal("}"u8)]);
    }

    private Expr Write(ArrayShape shape)
    {
        if (shape.Contains.Count > MaxWanted)
            throw new ConstraintException("schema", "contains", $"At most {MaxWanted} were expected for one array, {shape.Contains.Count} were found.");
        if (shape.Contains.Any(wanted => Math.Max(wanted.Min, wanted.Max) > MaxCounted) || (shape.Contains.Count > 0 && Math.Max(shape.Min, shape.Max) > MaxCounted))
            throw new ConstraintException("schema", "contains", $"Counts of at most {MaxCounted} were expected beside contains.", isLimit: true);
        var spec = new ArraySpec
        {
            Items = [.. Enumerable.Range(0, shape.First.Count + 1).Select(index => ItemRules(shape, index))],
            Min = shape.Min,
            Max = shape.Max,
            Wanted = [.. shape.Contains.Select(wanted => (wanted.Min, wanted.Max))],
            Space = _space,
        };
        return _pool.Seq([_pool.Literal("["u8), _space, _pool.FormOf(new ItemsForm(spec, 0, 0, 0)), _pool.Literal("]"u8)]);
    }

    // Each item either belongs to a set of contains or, where there may not be more of them, surely does not.
    private Rule[] ItemRules(ArrayShape shape, int index)
    {
        var rules = new Rule[1 << shape.Contains.Count];
        for (var set = 0; set < rules.Length; set++)
        {
            var item = shape.At(index);
            for (var i = 0; i < shape.Contains.Count; i++)
            {
                var (wanted, _, max) = shape.Contains[i];
                if ((set >> i & 1) != 0)
                    item = item.And(wanted);
                else if (max >= 0)
                    item = item.And(Opposite(wanted));
            }
            rules[set] = RuleOf(item);
        }
        return rules;
    }

    private static SchemaSet Opposite(SchemaSet set)
    {
        if (set.IsNever || set.IsAlways)
            return set.IsNever ? SchemaSet.Always : SchemaSet.Never;
        return set.Members is [var (node, isNegated)]
            ? SchemaSet.Of(node, !isNegated)
            : throw new ConstraintException("schema", "maxContains", "One schema was expected to be counted, several were found together.");
    }
}
