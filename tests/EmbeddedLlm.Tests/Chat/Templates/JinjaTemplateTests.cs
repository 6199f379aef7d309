using System.Text.Json.Nodes;
using EmbeddedLlm.Chat.Templates;
using Microsoft.Extensions.Time.Testing;

namespace EmbeddedLlm.Tests.Chat.Templates;

/// <summary>The dialect, case by case; every expected text is what Python's Jinja2 prints.</summary>
public class JinjaTemplateTests
{
    private static readonly FakeTimeProvider Clock = new(new(2026, 1, 15, 12, 34, 56, TimeSpan.Zero));

    private static readonly JsonObject Variables = JsonNode.Parse("""
        {
          "s": "Hello World", "u": "né🙂x", "n": null, "f": 2.5, "i": 7, "neg": -7, "big": 10000000000000000000000000,
          "l": [3, 1, 2], "d": { "b": 1, "a": [1, 2.5, null, true, "q'\"\n"], "items": 5 },
          "messages": [ { "role": "user", "n": 2 }, { "role": "assistant", "n": 1 } ], "tree": [[1, 2], [3, [4]]]
        }
        """)!.AsObject();

    private static string Render(string template) => JinjaTemplate.Parse(template).Render(Variables, Clock);

    [Theory]
    [InlineData("  {% if true %}\n a\n  {% endif %}\nb\n\n", " a\nb\n")]
    [InlineData(" a  {%- if true -%}  \n b {%- endif -%}  \n c", " abc")]
    [InlineData("  {%+ if true +%}\n a{% endif %}", "  \n a")]
    [InlineData("a \n {{- 1 -}} \n b", "a1b")]
    [InlineData(" {# x #}\n{#- y -#} \n z\n", "z")]
    [InlineData("{% raw %}{{ x }}{% if %}{% endraw %}\ny", "{{ x }}{% if %}y")]
    [InlineData("a\r\nb\rc\r\n", "a\nb\nc")]
    [InlineData("{{ {'a': {'b': {}}} }}", "{'a': {'b': {}}}")]
    public void Render_Whitespace_AsPython(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("i / 2 ~ ' ' ~ i // 2 ~ ' ' ~ neg // 2 ~ ' ' ~ neg % 3 ~ ' ' ~ 7.5 % -2", "3.5 3 -4 2 -0.5")]
    [InlineData("2 ** 10, 2 ** -1, -2 ** 2, 2 ** 3 ** 2", "(1024, 0.5, 4, 64)")]
    [InlineData("1 + 2 * 3, 1 ~ 2 * 3, 7 // 2 * 2, 7 % 4 * 2", "(7, '16', 6, 6)")]
    [InlineData("big + 1, big * big, -big // 7, 2**63, 9223372036854775807 + 1", "(10000000000000000000000001, 100000000000000000000000000000000000000000000000000, -1428571428571428571428572, 9223372036854775808, 9223372036854775808)")]
    [InlineData("1e16, 1e15, 1e-4, 1e-5, 0.1 + 0.2, -0.0, 1e22, 5e-324, 100.0", "(1e+16, 1000000000000000.0, 0.0001, 1e-05, 0.30000000000000004, -0.0, 1e+22, 5e-324, 100.0)")]
    [InlineData("1 < 2 < 3, 1 < 3 > 2, 1 == 1.0 == true, [1, 2] < [1, 3], 'a' in s, 1 not in l", "(True, True, True, True, False, False)")]
    [InlineData("0 or 'x', '' or none, 1 and 2, not 1 == 2, 'a' if n else 'b'", "('x', None, 2, True, 'b')")]
    [InlineData("'a' * 3 + 'b', [1] * 2 + [none], (1,) + (2,)", "('aaab', [1, 1, None], (1, 2))")]
    [InlineData("s[0], s[-1], s[1:4], s[::-1], s[10:2:-3], l[5:], l[::2], (1, 2, 3)[1:]", "('H', 'd', 'ell', 'dlroW olleH', 'doo', [], [3, 2], (2, 3))")]
    [InlineData("u[1], u[2], u|length, u[::-1], u.find('x')", "('é', '🙂', 4, 'x🙂én', 3)")]
    [InlineData("d, d.keys(), d.items", "({'b': 1, 'a': [1, 2.5, None, True, 'q\\'\"\\n'], 'items': 5}, dict_keys(['b', 'a', 'items']), <function items>)")]
    [InlineData("{1: 'a', 1.0: 'b', true: 'c'}, d['items'], d.zz is defined, l[9] is defined", "({1: 'c'}, 5, False, False)")]
    [InlineData("x, [x], x == y, x|length, x|list, x is iterable", "(Undefined, [Undefined], True, 0, [], True)")]
    [InlineData("'a' 'b', '\\x41\\u00e9\\n\\101\\q', [\"it's\", 'é\\u200b']", "('ab', 'Aé\\nA\\\\q', [\"it's\", 'é\\u200b'])")]
    public void Render_Expression_AsPython(string expression, string expected) => Assert.Equal(expected, Render("{{ " + expression + " }}"));

    [Theory]
    [InlineData("'%5.2f|%-4d|%05d|%x|%s|%%' % (1.234, 5, -6, 255, none)", " 1.23|5   |-0006|ff|None|%")]
    [InlineData("'%(a)s-%(b)r' % {'a': 1, 'b': 'x'}", "1-'x'")]
    [InlineData("'%.0f %.0f %.2f %g %e' % (0.5, 1.5, 2.675, 1234567, 12345.678)", "0 2 2.67 1.23457e+06 1.234568e+04")]
    [InlineData("'{}-{:>4}-{:*^5}-{:,}-{:.2f}-{:#x}'.format(1, 2, 'a', 1234567, 3.14159, 255)", "1-   2-**a**-1,234,567-3.14-0xff")]
    [InlineData("'{a.b[0]} {{}} {0!r:>{w}}'.format('q', a={'b': [1]}, w=5)", "1 {}   'q'")]
    [InlineData("2.5|round, 3.5|round, 2.675|round(2), 1250|round(-2), 42.55|round(1, 'floor')", "(2.0, 4.0, 2.67, 1200, 42.5)")]
    [InlineData("'42'|int, '4.7'|int, 'x'|int(-1), '0x1f'|int(base=16), n|int, '3.5'|float, 'x'|float", "(42, 4, -1, 31, 0, 3.5, 0.0)")]
    [InlineData("s.split('o', 1), ' a b  c '.split(none, 1), 'a,b,c'.rsplit(',', 1), 'a\\nb\\r\\n'.splitlines()", "(['Hell', ' World'], ['a', 'b  c '], ['a,b', 'c'], ['a', 'b'])")]
    [InlineData("s.startswith(('x', 'He')), s.find('o'), s.count('l'), s.replace('l', 'L', 1), s.title(), 'ß'.upper()", "(True, 4, 3, 'HeLlo World', 'Hello World', 'SS')")]
    [InlineData("'xxabxx'.strip('x'), s.partition(' '), ', '.join(['a', 'b']), '-42'.zfill(5), 'ab'.center(5)", "('ab', ('Hello', ' ', 'World'), 'a, b', '-0042', '  ab ')")]
    [InlineData("d.get('b'), d.get('z'), d.get('z', 1), d.values()|list|length, l.index(1), range(5)[-1], range(9, 0, -4)|list", "(1, None, 1, 3, 1, 4, [9, 5, 1])")]
    public void Render_FormatsAndMethods_AsPython(string expression, string expected) => Assert.Equal(expected, Render("{{ " + expression + " }}"));

    [Theory]
    [InlineData("x|default('q'), n|default('q'), n|default('q', true), ''|default('q', boolean=true)", "('q', None, 'q', 'q')")]
    [InlineData("['b', 'A', 'c']|sort, ['b', 'A']|sort(case_sensitive=true, reverse=true), messages|sort(attribute='n')|map(attribute='role')|list", "(['A', 'b', 'c'], ['b', 'A'], ['assistant', 'user'])")]
    [InlineData("messages|selectattr('n', 'gt', 1)|list|length, [1, 2, 3]|reject('odd')|list, ['a']|map('upper')|list", "(1, [2], ['A'])")]
    [InlineData("messages|groupby('role')|map('first')|list, {'b': 1, 'A': 2}|dictsort, [3, 1]|max, []|sum", "(['assistant', 'user'], [('A', 2), ('b', 1)], 3, 0)")]
    [InlineData("[1, 2, 3]|batch(2, 'x')|list, [1, 2, 3]|slice(2)|list, ['a', 'A', 'b']|unique|join(',')", "([[1, 2], [3, 'x']], [[1, 2], [3]], 'a,b')")]
    [InlineData("'a\\nb\\n\\nc'|indent(2, true), s|truncate(5, true, '..', 0), 'foo-bar (baz)'|title, s|wordcount", "('  a\\n  b\\n\\n  c', 'Hel..', 'Foo-Bar (Baz)', 2)")]
    [InlineData("d|items|list|length, 'trim' is filter, 5 is divisibleby 5, d is mapping and l is not string", "(3, True, True, True)")]
    [InlineData("('<a>'|safe) + '<b>', '<'|e, ('<a>'|safe) ~ '<b>', 'a b/é'|urlencode", "(Markup('<a>&lt;b&gt;'), Markup('&lt;'), '<a><b>', 'a%20b/%C3%A9')")]
    public void Render_Filters_AsPython(string expression, string expected) => Assert.Equal(expected, Render("{{ " + expression + " }}"));

    [Theory]
    [InlineData("d|tojson", """{"b": 1, "a": [1, 2.5, null, true, "q'\"\n"], "items": 5}""")]
    [InlineData("{'é<': '\\x7f\\x01', 1: none}|tojson", "{\"é<\": \"\x7f\\u0001\", \"1\": null}")]
    [InlineData("{'b': [1, {}], 'a': []}|tojson(indent=2, sort_keys=true)", "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ]\n}")]
    [InlineData("{'b': 1, 'a': 2}|tojson(separators=(',', ':'))", """{"b":1,"a":2}""")]
    [InlineData("'é🙂'|tojson(ensure_ascii=true)", "\"\\u00e9\\ud83d\\ude42\"")]
    public void Render_ToJson_AsPython(string expression, string expected) => Assert.Equal(expected, Render("{{ " + expression + " }}"));

    [Theory]
    [InlineData("{% for i in l %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}|{{ loop.nextitem }};{% endfor %}", "1TrueFalse|1;2FalseFalse3|2;3FalseTrue1|;")]
    [InlineData("{% for i in l if i > 1 %}{{ loop.index }}/{{ loop.length }} {% else %}none{% endfor %}", "1/2 2/2 ")]
    [InlineData("{% for i in [] %}x{% else %}none{% endfor %}", "none")]
    [InlineData("{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% if i == 2 %}{% break %}{% endif %}{% endfor %}", "32")]
    [InlineData("{% for i in tree recursive %}{{ loop(i) if i is iterable else i }}{{ loop.depth }},{% endfor %}", "12,22,1,32,43,2,1,")]
    [InlineData("{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123")]
    [InlineData("{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{{ loop.cycle('a', 'b') }}{% endfor %}", "TrueaFalsebTruea")]
    [InlineData("{% set z = 0 %}{% for i in l %}{% set z = i %}{% endfor %}{{ z }}", "0")]
    [InlineData("{% set ns = namespace(z=0) %}{% for i in l %}{% set ns.z = ns.z + i %}{% endfor %}{{ ns.z }}", "6")]
    [InlineData("{% if true %}{% set q = 1 %}{% endif %}{{ q }}", "1")]
    [InlineData("{% set a, b = 1, [2] %}{{ a }}{{ b }}{% set x | upper %}a{{ a }}{% endset %}{{ x }}", "1[2]A1")]
    [InlineData("{% with a=1, b=2 %}{{ a + b }}{% endwith %}{{ a }}", "3")]
    [InlineData("{% filter upper | replace('A', 'z') %}abc{% endfilter %}", "zBC")]
    [InlineData("{% generation %}a{% endgeneration %}{% print 1, 2 %}", "a12")]
    [InlineData("{% macro f(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1) }}|{{ f(1, 3, 4, 5, z=6) }}|{{ f(b=0, a=9) }}", "121(){}|134(5,){'z': 6}|909(){}")]
    [InlineData("{% macro f(x) %}[{{ caller(x, 2) }}]{% endmacro %}{% call(a, b) f(1) %}{{ a }}{{ b }}{% endcall %}", "[12]")]
    [InlineData("{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210")]
    [InlineData("{% macro f() %}{{ q }}{% endmacro %}{% set q = 1 %}{{ f() }}", "1")]
    [InlineData("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{% set j = joiner('-') %}{{ j() }}x{{ j() }}", "abax-")]
    [InlineData("{{ strftime_now('%d %b %Y|%A %-d/%-m|%H:%M:%S %j %p') }}", "15 Jan 2026|Thursday 15/1|12:34:56 015 PM")]
    [InlineData("{{ dict({'a': 1}, b=2) }}{{ range(*[1, 4])|list }}{{ dict(**{'k': 1}) }}", "{'a': 1, 'b': 2}[1, 2, 3]{'k': 1}")]
    [InlineData("{% if false %}{{ s|no_such }}{% endif %}{{ s|no_such if false else 'ok' }}", "ok")]
    public void Render_Statements_AsPython(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("{{ x.y }}", "'x' is undefined")]
    [InlineData("{{ x + 1 }}", "'x' is undefined")]
    [InlineData("{{ d.zz.y }}", "'dict object' has no attribute 'zz'")]
    [InlineData("{{ l.append(1) }}", "'append'")]
    [InlineData("{{ d.update({}) }}", "'update'")]
    [InlineData("{{ s.__class__.__name__ }}", "'__class__'")]
    [InlineData("{{ 'a' + 1 }}", "'+' does not work on a str and a int")]
    [InlineData("{{ 1 < 'a' }}", "'<' cannot order a int and a str")]
    [InlineData("{{ [1, 'a']|sort }}", "cannot order")]
    [InlineData("{{ none|length }}", "NoneType has no length")]
    [InlineData("{{ l|select|length }}", "generator has no length")]
    [InlineData("{{ x|tojson }}", "undefined")]
    [InlineData("{{ s|no_such }}", "There is no filter 'no_such'")]
    [InlineData("{{ l|random }}", "'random' is not supported")]
    [InlineData("{% for i in none %}{% endfor %}", "NoneType cannot be iterated")]
    [InlineData("{% set a, b = [1] %}", "There are 1 values here, expected 2")]
    [InlineData("{% set d.x = 1 %}", "namespace")]
    [InlineData("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "takes at most 1")]
    [InlineData("{{ raise_exception('Roles must alternate') }}", "Roles must alternate")]
    [InlineData("{% include 'x' %}", "'include' is not supported")]
    [InlineData("{% frob %}", "There is no tag 'frob'")]
    [InlineData("{% if true %}", "expected 'elif' or 'else' or 'endif'")]
    [InlineData("{{ 'abc }}", "The string has no end")]
    [InlineData("{{ (1 }}", "Expected ')', found '}'")]
    [InlineData("{{ a b }}", "Expected }}, found 'b'")]
    [InlineData("{% break %}", "outside of a loop")]
    public void Render_WhatPythonRefuses_Fails(string template, string message)
    {
        var failure = Assert.Throws<JinjaException>(() => Render(template));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, failure.Line);
    }

    [Fact]
    public void Render_Failure_NamesItsPlace()
    {
        var failure = Assert.Throws<JinjaException>(() => Render("a\n{% if true %}\n  {{ 1 + s }}{% endif %}"));
        Assert.Equal((3, 8), (failure.Line, failure.Column));
        Assert.Contains("line 3, column 8", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_ValuesMadeInCode_KeepTheirTypes()
    {
        var variables = new JsonObject { ["i"] = 1, ["l"] = 2L, ["u"] = ulong.MaxValue, ["d"] = 1.0, ["m"] = 2m, ["b"] = true, ["s"] = "x", ["n"] = null, ["a"] = new JsonArray(1, "y") };
        Assert.Equal("[1, 2, 18446744073709551615, 1.0, 2.0, True, 'x', None, [1, 'y']]", JinjaTemplate.Parse("{{ [i, l, u, d, m, b, s, n, a] }}").Render(variables));
    }

    [Fact]
    public void Reads_Names_OnlyThoseThatAreMentioned()
    {
        var template = JinjaTemplate.Parse("{% set a = tools %}{% macro f(x) %}{{ documents }}{% endmacro %}");
        Assert.True(template.Reads("tools"));
        Assert.True(template.Reads("documents"));
        Assert.False(template.Reads("messages"));
    }

    [Fact]
    public void Render_FromSeveralThreads_GivesTheSame()
    {
        var template = JinjaTemplate.Parse("{% for m in messages %}{{ m.role }}{{ loop.index }}{% endfor %}{{ d|tojson }}");
        var expected = template.Render(Variables);
        Assert.All(Enumerable.Range(0, 64).AsParallel().Select(_ => template.Render(Variables.DeepClone().AsObject())).ToArray(), text => Assert.Equal(expected, text));
    }
}
