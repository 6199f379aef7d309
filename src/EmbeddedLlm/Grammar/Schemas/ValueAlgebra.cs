using EmbeddedLlm.Grammar.Automata;

namespace EmbeddedLlm.Grammar.Schemas;

/// <summary>Intersections, unions and complements of the values of schemas.</summary>
internal sealed class ValueAlgebra
{
    // Alternatives of shapes and of kinds of names grow with the product of what is joined.
    private const int MaxShapes = 512;
    private const int MaxKinds = 64;
    private const int MaxEmptyDepth = 8;

    private readonly ExprPool _pool;
    private readonly Derivatives _derivatives;
    private readonly Func<SchemaSet, JsonValues> _valuesOf;
    private int _emptyDepth;

    public ValueAlgebra(ExprPool pool, Derivatives derivatives, Func<SchemaSet, JsonValues> valuesOf)
    {
        (_pool, _derivatives, _valuesOf) = (pool, derivatives, valuesOf);
        Strings = new JsonStrings(pool);
        Numbers = new JsonNumbers(pool);
        Nothing = new JsonValues { Numbers = pool.Never, Strings = pool.Never };
        AnyObject = new ObjectShape { Others = [(Strings.Any, SchemaSet.Always)] };
        AnyArray = new ArrayShape();
        Anything = new JsonValues { Null = true, True = true, False = true, Numbers = Numbers.Free, Strings = Strings.Any, Objects = [AnyObject], Arrays = [AnyArray] };
    }

    public JsonStrings Strings { get; }

    public JsonNumbers Numbers { get; }

    public JsonValues Nothing { get; }

    public JsonValues Anything { get; }

    public ObjectShape AnyObject { get; }

    public ArrayShape AnyArray { get; }

    public JsonValues And(JsonValues x, JsonValues y)
    {
        if (x == Anything || y == Nothing)
            return y;
        if (y == Anything || x == Nothing)
            return x;
        return new JsonValues
        {
            Null = x.Null && y.Null,
            True = x.True && y.True,
            False = x.False && y.False,
            Numbers = Both(x.Numbers, y.Numbers, Numbers.Free),
            AreIntegers = x.AreIntegers || y.AreIntegers,
            Strings = Both(x.Strings, y.Strings, Strings.Any),
            Objects = Product(x.Objects, y.Objects, AnyObject, And),
            Arrays = Product(x.Arrays, y.Arrays, AnyArray, And),
        };
    }

    public JsonValues Or(JsonValues x, JsonValues y)
    {
        if (x == Nothing)
            return y;
        if (y == Nothing)
            return x;
        return new JsonValues
        {
            Null = x.Null || y.Null,
            True = x.True || y.True,
            False = x.False || y.False,
            Numbers = _pool.Alt(x.Numbers, y.Numbers),
            AreIntegers = (x.AreIntegers || x.Numbers == _pool.Never) && (y.AreIntegers || y.Numbers == _pool.Never),
            Strings = _pool.Alt(x.Strings, y.Strings),
            Objects = Checked([.. x.Objects.Union(y.Objects)]),
            Arrays = Checked([.. x.Arrays.Union(y.Arrays)]),
        };
    }

    /// <summary>The values that are not among these; null where shapes cannot say so, and then <paramref name="reason"/> names the keyword.</summary>
    public JsonValues? Not(JsonValues x, out string reason)
    {
        reason = "";
        List<ObjectShape> objects = [AnyObject];
        foreach (var shape in x.Objects)
        {
            if (shape == AnyObject)
                objects = [];
            else if (objects.Count > 0 && Not(shape, out reason) is { } others)
                objects = Product(objects, others, AnyObject, And);
            else if (objects.Count > 0)
                return null;
        }
        List<ArrayShape> arrays = [AnyArray];
        foreach (var shape in x.Arrays)
        {
            if (shape == AnyArray)
                arrays = [];
            else if (arrays.Count > 0 && Not(shape, out reason) is { } others)
                arrays = Product(arrays, others, AnyArray, And);
            else if (arrays.Count > 0)
                return null;
        }
        return new JsonValues
        {
            Null = !x.Null,
            True = !x.True,
            False = !x.False,
            Numbers = x.Numbers == _pool.Never ? Numbers.Free : Live(_pool.And(Numbers.Plain, _pool.Not(x.Numbers))),
            Strings = x.Strings == _pool.Never ? Strings.Any : Live(_pool.And(Strings.Any, _pool.Not(x.Strings))),
            Objects = objects,
            Arrays = arrays,
        };
    }

    /// <summary>Whether there is no such value, as far as that is plain to see.</summary>
    public bool IsEmpty(JsonValues x) =>
        !x.Null && !x.True && !x.False && !_derivatives.IsLive(x.Numbers) && !_derivatives.IsLive(x.Strings)
        && x.Objects.All(IsEmpty) && x.Arrays.All(IsEmpty);

    private bool IsEmpty(ObjectShape shape) =>
        (shape.Max >= 0 && Math.Max(shape.Min, shape.Required.Count) > shape.Max) || shape.Required.Any(name => IsEmpty(ValueOf(shape, name)));

    private bool IsEmpty(ArrayShape shape)
    {
        if (shape.Max >= 0 && shape.Min > shape.Max)
            return true;
        return Enumerable.Range(0, Math.Min(shape.Min, shape.First.Count + 1)).Any(index => IsEmpty(shape.At(index)));
    }

    private bool IsEmpty(SchemaSet set)
    {
        if (set.IsNever || set.IsAlways || _emptyDepth >= MaxEmptyDepth)
            return set.IsNever;
        _emptyDepth++;
        var isEmpty = IsEmpty(_valuesOf(set));
        _emptyDepth--;
        return isEmpty;
    }

    /// <summary>What holds of a property.</summary>
    public SchemaSet ValueOf(ObjectShape shape, string name)
    {
        foreach (var (key, value) in shape.Named)
        {
            if (key == name)
                return value;
        }
        foreach (var (keys, value) in shape.Others)
        {
            if (Matches(keys, name))
                return value;
        }
        return SchemaSet.Never;
    }

    /// <summary>Whether a set of names holds one.</summary>
    public bool Matches(Expr keys, string name)
    {
        if (keys == Strings.Any)
            return true;
        foreach (var b in JsonStrings.Spell(name))
        {
            var same = ByteSet.All;
            keys = _derivatives.Derive(keys, b, ref same);
        }
        return _pool.IsNullable(keys);
    }

    /// <summary>Cuts kinds of names in two: those in a set and those outside it.</summary>
    public IReadOnlyList<(Expr Keys, SchemaSet Value)> Split(IReadOnlyList<(Expr Keys, SchemaSet Value)> kinds, Expr keys, SchemaSet inside, SchemaSet outside)
    {
        var result = new List<(Expr, SchemaSet)>();
        foreach (var (kind, value) in kinds)
        {
            Add(result, _pool.And(kind, keys), value.And(inside));
            Add(result, _pool.And(kind, _pool.Not(keys)), value.And(outside));
        }
        return Checked(result, MaxKinds);
    }

    private void Add(List<(Expr, SchemaSet)> kinds, Expr keys, SchemaSet value)
    {
        if (!value.IsNever && _derivatives.IsLive(keys))
            kinds.Add((keys, value));
    }

    private ObjectShape? And(ObjectShape x, ObjectShape y)
    {
        var names = x.Named.Select(named => named.Key).Union(y.Named.Select(named => named.Key));
        var others = new List<(Expr, SchemaSet)>();
        foreach (var (left, value) in x.Others)
        {
            foreach (var (right, other) in y.Others)
                Add(others, _pool.And(left, right), value.And(other));
        }
        var shape = new ObjectShape
        {
            Named = [.. names.Select(name => KeyValuePair.Create(name, ValueOf(x, name).And(ValueOf(y, name))))],
            Others = Checked(others, MaxKinds),
            Required = [.. x.Required.Union(y.Required)],
            Min = Math.Max(x.Min, y.Min),
            Max = x.Max < 0 ? y.Max : y.Max < 0 ? x.Max : Math.Min(x.Max, y.Max),
            Evaluated = x.Evaluated is null || y.Evaluated is null ? null : [.. x.Evaluated.Union(y.Evaluated)],
        };
        return shape.Required.Any(name => ValueOf(shape, name).IsNever) ? null : shape;
    }

    private static ArrayShape? And(ArrayShape x, ArrayShape y)
    {
        var shape = new ArrayShape
        {
            First = [.. Enumerable.Range(0, Math.Max(x.First.Count, y.First.Count)).Select(index => x.At(index).And(y.At(index)))],
            Rest = x.Rest.And(y.Rest),
            Min = Math.Max(x.Min, y.Min),
            Max = x.Max < 0 ? y.Max : y.Max < 0 ? x.Max : Math.Min(x.Max, y.Max),
            Contains = [.. x.Contains.Union(y.Contains)],
            Evaluated = x.Evaluated < 0 || y.Evaluated < 0 ? -1 : Math.Max(x.Evaluated, y.Evaluated),
        };
        return shape.Max >= 0 && shape.Min > shape.Max ? null : shape;
    }

    // Objects outside a shape break it in one place at least.
    private List<ObjectShape>? Not(ObjectShape shape, out string reason)
    {
        var result = new List<ObjectShape>();
        reason = "";
        foreach (var (name, value) in shape.Named)
            result.AddRange(Negations(value).Select(negated => WithNamed(name, negated) with { Required = [name] }));
        foreach (var name in shape.Required)
            result.Add(WithNamed(name, SchemaSet.Never));
        if (shape.Min > 0)
            result.Add(AnyObject with { Max = shape.Min - 1 });
        if (shape.Max >= 0)
            result.Add(AnyObject with { Min = shape.Max + 1 });
        // A name outside the named ones that breaks a rule could be any: no shape says that one must come.
        if (shape.Others.Count == 1 && shape.Others[0].Value.IsAlways && shape.Others[0].Keys == Strings.Any)
            return result;
        reason = "additionalProperties, patternProperties or propertyNames";
        return null;
    }

    private ObjectShape WithNamed(string name, SchemaSet value) => AnyObject with { Named = [KeyValuePair.Create(name, value)] };

    private List<ArrayShape>? Not(ArrayShape shape, out string reason)
    {
        var result = new List<ArrayShape>();
        reason = "";
        if (shape.Min > 0)
            result.Add(AnyArray with { Max = shape.Min - 1 });
        if (shape.Max >= 0)
            result.Add(AnyArray with { Min = shape.Max + 1 });
        for (var index = 0; index < shape.First.Count; index++)
        {
            SchemaSet[] before = [.. Enumerable.Repeat(SchemaSet.Always, index)];
            result.AddRange(Negations(shape.First[index]).Select(negated => AnyArray with { First = [.. before, negated], Min = index + 1 }));
        }
        foreach (var (item, min, max) in shape.Contains)
        {
            if (min > 0)
                result.Add(AnyArray with { Contains = [(item, 0, min - 1)] });
            if (max >= 0)
                result.Add(AnyArray with { Contains = [(item, max + 1, -1)] });
        }
        if (shape.Rest.IsAlways)
            return result;
        if (shape.First.Count > 0 && !shape.Rest.IsNever)
        {
            reason = "items beside prefixItems";
            return null;
        }
        if (shape.Rest.IsNever)
            result.Add(AnyArray with { Min = shape.First.Count + 1 });
        else
            result.AddRange(Negations(shape.Rest).Select(negated => AnyArray with { Contains = [(negated, 1, -1)] }));
        return result;
    }

    private static IEnumerable<SchemaSet> Negations(SchemaSet set) =>
        set.IsNever ? [SchemaSet.Always] : set.Members.Select(member => SchemaSet.Of(member.Node, !member.IsNegated));

    private static List<T> Product<T>(IReadOnlyList<T> left, IReadOnlyList<T> right, T any, Func<T, T, T?> and) where T : class
    {
        var result = new List<T>();
        foreach (var x in left)
        {
            foreach (var y in right)
            {
                var both = x == any ? y : y == any ? x : and(x, y);
                if (both is not null)
                    result.Add(both);
                Checked(result);
            }
        }
        return result;
    }

    private static List<T> Checked<T>(List<T> list, int limit = MaxShapes) =>
        list.Count <= limit ? list : throw ConstraintException.Limit("alternatives", $"The schemas together have more than {limit} alternatives.");

    private Expr Both(Expr x, Expr y, Expr any)
    {
        if (x == any || y == any)
            return x == any ? y : x;
        // Bounds on the length of one thing are one bound.
        if (x.Kind == ExprKind.Repeat && y.Kind == ExprKind.Repeat && x.First == y.First)
        {
            var (min, max) = (Math.Max(x.Min, y.Min), x.Max < 0 ? y.Max : y.Max < 0 ? x.Max : Math.Min(x.Max, y.Max));
            return max >= 0 && min > max ? _pool.Never : _pool.Repeat(x.First!, min, max);
        }
        return Live(_pool.And(x, y));
    }

    private Expr Live(Expr expr) => _derivatives.IsLive(expr) ? expr : _pool.Never;
}
