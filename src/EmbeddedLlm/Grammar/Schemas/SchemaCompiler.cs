using System.Text;
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
    private readonly Expr _word;                                            // a name without quotes
    private readonly List<Rule> _rules = [];
    private readonly Dictionary<string, Rule> _bySet = [];
    private readonly Dictionary<Expr, Rule> _texts = [];
    private readonly Queue<(Rule Rule, SchemaSet Set, ValueSpelling Spelling)> _open = new();
    private readonly Derivatives _derivatives;

    private SchemaCompiler(JsonElement schema, ConstraintOptions options, ExprPool pool, List<string> warnings)
    {
        (_pool, _options) = (pool, options);
        _derivatives = new Derivatives(pool);
        _reader = new SchemaReader(new SchemaDocument(schema), options, pool, _derivatives, warnings);
        _algebra = _reader.Algebra;
        _space = Space(pool, options);
        var letter = ByteSet.Range((byte)'A', (byte)'Z') | ByteSet.Range((byte)'a', (byte)'z') | ByteSet.Of((byte)'_');
        _word = pool.Seq(pool.Bytes(letter), pool.Repeat(pool.Bytes(letter | ByteSet.Range((byte)'0', (byte)'9')), 0, -1));
    }

    /// <summary>Compiles a schema.</summary>
    /// <param name="schema">The schema: an object or a boolean.</param>
    /// <param name="options">How.</param>
    /// <param name="pool">Makes the expressions.</param>
    /// <param name="warnings">Takes what was passed over.</param>
    /// <param name="spelling">How values are written; null for JSON.</param>
    /// <returns>All rules, that of the whole document first.</returns>
    public static List<Rule> Compile(JsonElement schema, ConstraintOptions options, ExprPool pool, List<string> warnings, ValueSpelling? spelling = null)
    {
        var compiler = new SchemaCompiler(schema, options, pool, warnings);
        compiler.RuleOf(compiler._reader.Root, spelling ?? ValueSpelling.Json(pool, compiler._space));
        while (compiler._open.TryDequeue(out var open))
            open.Rule.Body = compiler.Write(compiler._reader.Read(open.Set), open.Spelling);
        return compiler._rules;
    }

    /// <summary>What may stand where JSON allows white space.</summary>
    public static Expr Space(ExprPool pool, ConstraintOptions options)
    {
        if (!options.AllowWhiteSpace)
            return pool.Empty;
        var indentation = pool.Repeat(pool.Bytes(ByteSet.Of((byte)' ') | ByteSet.Of((byte)'\t')), 0, -1);
        return pool.Optional(pool.Alt(pool.Literal(" "u8), pool.Seq(pool.Literal("\n"u8), indentation)));
    }

    private Rule RuleOf(SchemaSet set, ValueSpelling spelling)
    {
        var key = $"{spelling.Name} {set.Key}";
        if (_bySet.TryGetValue(key, out var known))
            return known;
        var rule = new Rule(key);
        _bySet[key] = rule;
        _rules.Add(rule);
        _open.Enqueue((rule, set, spelling));
        return rule;
    }

    private Expr Write(JsonValues values, ValueSpelling spelling)
    {
        var parts = new List<Expr>();
        if (values.Null)
            parts.Add(Word(spelling.Null));
        if (values.True)
            parts.Add(Word(spelling.True));
        if (values.False)
            parts.Add(Word(spelling.False));
        if (values.Numbers != _pool.Never)
            parts.Add(CallText(WriteNumbers(values)));
        parts.AddRange(values.Objects.Select(shape => Write(shape, spelling)));
        parts.AddRange(values.Arrays.Select(shape => Write(shape, spelling)));
        var others = _pool.Seq(spelling.OtherStart, _pool.Alt([.. parts]));
        return values.Strings == _pool.Never ? others : _pool.Alt(others, WriteStrings(values.Strings, spelling));
    }

    private Expr Word(string word) => _pool.Literal(Encoding.UTF8.GetBytes(word));

    private Expr WriteStrings(Expr strings, ValueSpelling spelling)
    {
        var isFree = strings == _algebra.Strings.Any;
        if (spelling.RawEnd is null)
            return CallText(_pool.Seq([spelling.StringStart, isFree && spelling.HasFreeEscapes ? _algebra.Strings.Free : strings, spelling.StringEnd]));

        // Nothing is escaped: of the strings that a schema describes those stay that JSON writes as they are, but for ones that hold their own end.
        var raw = Without(spelling.RawEnd);
        if (!isFree && _pool.And(strings, Without("\\"), raw) is var plain && _derivatives.IsLive(plain))
            raw = plain;
        return _pool.Seq([spelling.StringStart, CallText(raw), spelling.StringEnd]);
    }

    private Expr Without(string text) => _pool.Not(_pool.Seq([_pool.Anything, Word(text), _pool.Anything]));

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

    private Expr Write(ObjectShape shape, ValueSpelling spelling)
    {
        var values = spelling.Values ?? spelling;
        var names = shape.Named.Select(named => named.Key).Union(shape.Required).ToList();
        var keys = names.Count == 0 ? _pool.Never : _pool.Choice([.. names.Select(name => (JsonStrings.Spell(name), _pool.Empty))]);
        var end = Encoding.UTF8.GetBytes(spelling.NameEnd);
        byte[] Spell(string name) => [.. spelling.HasQuotedNames ? JsonStrings.Spell(name) : Encoding.UTF8.GetBytes(name), .. end];
        var named = names.Select(name => (Spell(name), RuleOf(_algebra.ValueOf(shape, name), values), shape.Required.Contains(name))).ToList();
        if (shape.Min > 1 && shape.Others.Count > 0)
        {
            // Names that the schema does not list can come twice, and then count once.
            throw new ConstraintException("schema", "minProperties", $"At most 1 was expected where names may come that the schema does not list, since no constraint can keep those apart; {shape.Min} was found.");
        }
        var spec = new ObjectSpec
        {
            Named = named,
            Others = [.. shape.Others.Select(kind => (_pool.Seq(OtherNames(kind.Keys, keys, spelling), _pool.Literal(end)), RuleOf(kind.Value, values)))],
            Min = shape.Min,
            Max = shape.Max,
            AllowAnyOrder = _options.AllowAnyOrder,
            BeforeValue = spelling.HasQuotedNames ? _space : _pool.Empty,
            Spelling = spelling,
        };
        return _pool.Seq([spelling.ObjectStart, _pool.FormOf(new MembersForm(spec, 0, 0, true)), spelling.ObjectEnd]);
    }

    private Expr OtherNames(Expr kind, Expr named, ValueSpelling spelling)
    {
        var names = named == _pool.Never ? kind : _pool.And(kind, _pool.Not(named));
        return spelling.HasQuotedNames ? names : _pool.And(names, _word);
    }

    private Expr Write(ArrayShape shape, ValueSpelling spelling)
    {
        if (shape.Contains.Count > MaxWanted)
            throw new ConstraintException("schema", "contains", $"At most {MaxWanted} were expected for one array, {shape.Contains.Count} were found.");
        if (shape.Contains.Any(wanted => Math.Max(wanted.Min, wanted.Max) > MaxCounted) || (shape.Contains.Count > 0 && Math.Max(shape.Min, shape.Max) > MaxCounted))
            throw new ConstraintException("schema", "contains", $"Counts of at most {MaxCounted} were expected beside contains.", isLimit: true);
        var spec = new ArraySpec
        {
            Items = [.. Enumerable.Range(0, shape.First.Count + 1).Select(index => ItemRules(shape, index, spelling.Values ?? spelling))],
            Min = shape.Min,
            Max = shape.Max,
            Wanted = [.. shape.Contains.Select(wanted => (wanted.Min, wanted.Max))],
            Space = _space,
        };
        return _pool.Seq([_pool.Literal("["u8), _space, _pool.FormOf(new ItemsForm(spec, 0, 0, 0)), _pool.Literal("]"u8)]);
    }

    // Each item either belongs to a set of contains or, where there may not be more of them, surely does not.
    private Rule[] ItemRules(ArrayShape shape, int index, ValueSpelling values)
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
            rules[set] = RuleOf(item, values);
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
