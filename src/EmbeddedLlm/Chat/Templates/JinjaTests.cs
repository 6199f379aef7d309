using System.Numerics;

namespace EmbeddedLlm.Chat.Templates;

/// <summary>The tests: what may stand behind <c>is</c>. Each gives a bool.</summary>
internal static class JinjaTests
{
    public static JinjaFunction.Table All { get; } = new()
    {
        { "defined", "", (x, v, a) => v is not JinjaUndefined },
        { "undefined", "", (x, v, a) => v is JinjaUndefined },
        { "none", "", (x, v, a) => v is null },
        { "boolean", "", (x, v, a) => v is bool },
        { "true", "", (x, v, a) => v is true },
        { "false", "", (x, v, a) => v is false },
        { "integer", "", (x, v, a) => v is long or BigInteger },
        { "float", "", (x, v, a) => v is double },
        { "number", "", (x, v, a) => JinjaNumbers.IsNumber(v) },
        { "string", "", (x, v, a) => v is string or JinjaMarkup },
        { "escaped", "", (x, v, a) => v is JinjaMarkup },
        { "mapping", "", (x, v, a) => v is JinjaDict },
        { "sequence", "", (x, v, a) => v is string or JinjaMarkup or JinjaContainer or JinjaRange or JinjaUndefined },
        { "iterable", "", (x, v, a) => v is string or JinjaMarkup or JinjaContainer or JinjaRange or JinjaUndefined or JinjaView or JinjaIterator or JinjaLoop },
        { "callable", "", (x, v, a) => v is JinjaCallable or JinjaMacro or JinjaLoop or JinjaJoiner or JinjaUndefined },
        { "odd", "", (x, v, a) => JinjaOperators.AreEqual(Remainder(x, v, 2L), 1L) },
        { "even", "", (x, v, a) => JinjaOperators.AreEqual(Remainder(x, v, 2L), 0L) },
        { "divisibleby", "num", (x, v, a) => JinjaOperators.AreEqual(Remainder(x, v, a[0]), 0L) },
        { "lower", "", (x, v, a) => JinjaStringMethods.All["islower"].Call(x, JinjaText.Str(x.Budget, v), JinjaArguments.Of()) },
        { "upper", "", (x, v, a) => JinjaStringMethods.All["isupper"].Call(x, JinjaText.Str(x.Budget, v), JinjaArguments.Of()) },
        { "filter", "", (x, v, a) => v is string name && JinjaFilters.All.ContainsKey(name) },
        { "test", "", (x, v, a) => v is string name && All!.ContainsKey(name) },
        { "in", "seq", (x, v, a) => JinjaOperators.Contains(x, a[0], v) },
        { "sameas", "other", (x, v, a) => ReferenceEquals(v, a[0]) || (v is bool or long or string && v.Equals(a[0])) },
        { "eq == equalto", "other", (x, v, a) => JinjaOperators.Holds(x, "==", v, a[0]) },
        { "ne !=", "other", (x, v, a) => JinjaOperators.Holds(x, "!=", v, a[0]) },
        { "lt < lessthan", "other", (x, v, a) => JinjaOperators.Holds(x, "<", v, a[0]) },
        { "le <=", "other", (x, v, a) => JinjaOperators.Holds(x, "<=", v, a[0]) },
        { "gt > greaterthan", "other", (x, v, a) => JinjaOperators.Holds(x, ">", v, a[0]) },
        { "ge >=", "other", (x, v, a) => JinjaOperators.Holds(x, ">=", v, a[0]) },
    };

    private static object? Remainder(JinjaInterpreter x, object? value, object? by) => JinjaOperators.Arithmetic(x, "%", value, by);
}
